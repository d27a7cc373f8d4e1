# SPDX-License-Identifier: GPL-3.0-or-later
"""What a room says to those who book it: one sentence per reason and language, with the machine's code."""

# ruff: noqa: RUF001
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Final

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.scheduling.policy import BookingPolicy, CapacityRule, HorizonAction, Response
from calcore_caldav.scheduling.request import Reason, Verdict, Wanted

DEFAULT_LANGUAGE: Final = "en"

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "busy": "Busy",
        "MODE": "This room takes no bookings.",
        "CONFLICT": "The room is taken at that time.",
        "HOURS": "The room is closed at that time ({value}).",
        "HORIZON": "The room can be booked {value} ahead.",
        "later": "This date is decided when it comes within reach.",
        "LEAD-TIME": "The room must be booked at least {value} ahead.",
        "DURATION": "This booking does not have an allowed length ({value}).",
        "CAPACITY": "More people are invited than the room holds ({value}).",
        "NOT-ALLOWED": "You may not book this room.",
        "EXTERNAL": "This room takes no bookings from outside.",
        "QUOTA": "You have booked as much of this room as is allowed ({value}).",
        "RECURRING": "This room takes no recurring bookings.",
        "SERIES": "Too many dates of the series cannot be booked ({value}).",
        "PENDING": "The room is held for you until its managers decide.",
        "MANAGER": "The room’s managers declined.",
        "TIMEOUT": "Nobody approved the request in time.",
        "DISPLACED": "A booking with priority took the room.",
        "RELEASED": "The room was given back, since nobody would use it.",
        "time": "Taken: {start} to {end}.",
        "organizer": "Booked by {organizer}.",
        "alternatives": "Free at that time: {rooms}.",
        "full": "{people} people are invited, the room holds {capacity}.",
        "request": "{booker} asks for {room}: {title}",
        "decide": "Accept to approve, decline to refuse.",
    },
    "fr": {
        "busy": "Occupé",
        "MODE": "Cette salle n’accepte pas de réservations.",
        "CONFLICT": "La salle est déjà prise à cette heure.",
        "HOURS": "La salle est fermée à cette heure ({value}).",
        "HORIZON": "La salle se réserve {value} à l’avance.",
        "later": "Cette date sera décidée quand elle sera à portée.",
        "LEAD-TIME": "La salle doit être réservée au moins {value} à l’avance.",
        "DURATION": "Cette réservation n’a pas une durée permise ({value}).",
        "CAPACITY": "Il y a plus d’invités que de places ({value}).",
        "NOT-ALLOWED": "Vous ne pouvez pas réserver cette salle.",
        "EXTERNAL": "Cette salle n’accepte pas de réservations de l’extérieur.",
        "QUOTA": "Vous avez réservé cette salle autant qu’il est permis ({value}).",
        "RECURRING": "Cette salle n’accepte pas de réservations récurrentes.",
        "SERIES": "Trop de dates de la série ne peuvent pas être réservées ({value}).",
        "PENDING": "La salle vous est gardée jusqu’à la décision de ses responsables.",
        "MANAGER": "Les responsables de la salle ont refusé.",
        "TIMEOUT": "Personne n’a approuvé la demande à temps.",
        "DISPLACED": "Une réservation prioritaire a pris la salle.",
        "RELEASED": "La salle a été libérée, puisque personne ne l’utiliserait.",
        "time": "Prise : {start} à {end}.",
        "organizer": "Réservée par {organizer}.",
        "alternatives": "Libres à cette heure : {rooms}.",
        "full": "{people} personnes sont invitées, la salle a {capacity} places.",
        "request": "{booker} demande {room} : {title}",
        "decide": "Acceptez pour approuver, déclinez pour refuser.",
    },
    "de": {
        "busy": "Belegt",
        "MODE": "Dieser Raum nimmt keine Buchungen an.",
        "CONFLICT": "Der Raum ist zu dieser Zeit belegt.",
        "HOURS": "Der Raum ist zu dieser Zeit geschlossen ({value}).",
        "HORIZON": "Der Raum kann {value} im Voraus gebucht werden.",
        "later": "Über diesen Termin wird dann entschieden.",
        "LEAD-TIME": "Der Raum muss mindestens {value} im Voraus gebucht werden.",
        "DURATION": "Diese Buchung hat keine erlaubte Länge ({value}).",
        "CAPACITY": "Es sind mehr Leute eingeladen, als der Raum fasst ({value}).",
        "NOT-ALLOWED": "Sie dürfen diesen Raum nicht buchen.",
        "EXTERNAL": "Dieser Raum nimmt keine Buchungen von außerhalb an.",
        "QUOTA": "Sie haben diesen Raum so viel gebucht, wie erlaubt ist ({value}).",
        "RECURRING": "Dieser Raum nimmt keine Serien an.",
        "SERIES": "Zu viele Termine der Serie können nicht gebucht werden ({value}).",
        "PENDING": "Der Raum ist für Sie vorgemerkt, bis seine Verwalter entscheiden.",
        "MANAGER": "Die Verwalter des Raums haben abgelehnt.",
        "TIMEOUT": "Niemand hat die Anfrage rechtzeitig genehmigt.",
        "DISPLACED": "Eine Buchung mit Vorrang hat den Raum übernommen.",
        "RELEASED": "Der Raum wurde freigegeben, da ihn niemand nutzen würde.",
        "time": "Belegt: {start} bis {end}.",
        "organizer": "Gebucht von {organizer}.",
        "alternatives": "Zu dieser Zeit frei: {rooms}.",
        "full": "{people} Leute sind eingeladen, der Raum fasst {capacity}.",
        "request": "{booker} bittet um {room}: {title}",
        "decide": "Mit Zusagen genehmigen, mit Absagen ablehnen.",
    },
    "es": {
        "busy": "Ocupado",
        "MODE": "Esta sala no acepta reservas.",
        "CONFLICT": "La sala está ocupada a esa hora.",
        "HOURS": "La sala está cerrada a esa hora ({value}).",
        "HORIZON": "La sala se reserva con {value} de antelación.",
        "later": "Esta fecha se decidirá cuando llegue el momento.",
        "LEAD-TIME": "La sala debe reservarse al menos {value} antes.",
        "DURATION": "Esta reserva no tiene una duración permitida ({value}).",
        "CAPACITY": "Hay más invitados que plazas en la sala ({value}).",
        "NOT-ALLOWED": "Usted no puede reservar esta sala.",
        "EXTERNAL": "Esta sala no acepta reservas de fuera.",
        "QUOTA": "Ha reservado esta sala tanto como está permitido ({value}).",
        "RECURRING": "Esta sala no acepta reservas periódicas.",
        "SERIES": "Demasiadas fechas de la serie no se pueden reservar ({value}).",
        "PENDING": "La sala queda apartada hasta que decidan sus responsables.",
        "MANAGER": "Los responsables de la sala la han denegado.",
        "TIMEOUT": "Nadie aprobó la solicitud a tiempo.",
        "DISPLACED": "Una reserva con prioridad ocupó la sala.",
        "RELEASED": "La sala se liberó, porque nadie la usaría.",
        "time": "Ocupada: {start} a {end}.",
        "organizer": "Reservada por {organizer}.",
        "alternatives": "Libres a esa hora: {rooms}.",
        "full": "Hay {people} personas invitadas, la sala tiene {capacity} plazas.",
        "request": "{booker} solicita {room}: {title}",
        "decide": "Acepte para aprobar, rechace para denegar.",
    },
    "it": {
        "busy": "Occupato",
        "MODE": "Questa sala non accetta prenotazioni.",
        "CONFLICT": "La sala è occupata a quell’ora.",
        "HOURS": "La sala è chiusa a quell’ora ({value}).",
        "HORIZON": "La sala si prenota con {value} di anticipo.",
        "later": "Questa data sarà decisa a suo tempo.",
        "LEAD-TIME": "La sala va prenotata almeno {value} prima.",
        "DURATION": "Questa prenotazione non ha una durata consentita ({value}).",
        "CAPACITY": "Ci sono più invitati che posti nella sala ({value}).",
        "NOT-ALLOWED": "Non può prenotare questa sala.",
        "EXTERNAL": "Questa sala non accetta prenotazioni dall’esterno.",
        "QUOTA": "Ha prenotato questa sala quanto è consentito ({value}).",
        "RECURRING": "Questa sala non accetta prenotazioni ricorrenti.",
        "SERIES": "Troppe date della serie non si possono prenotare ({value}).",
        "PENDING": "La sala è riservata finché i responsabili non decidono.",
        "MANAGER": "I responsabili della sala hanno rifiutato.",
        "TIMEOUT": "Nessuno ha approvato la richiesta in tempo.",
        "DISPLACED": "Una prenotazione con priorità ha preso la sala.",
        "RELEASED": "La sala è stata liberata, poiché nessuno l’avrebbe usata.",
        "time": "Occupata: {start} – {end}.",
        "organizer": "Prenotata da {organizer}.",
        "alternatives": "Libere a quell’ora: {rooms}.",
        "full": "Sono invitate {people} persone, la sala ha {capacity} posti.",
        "request": "{booker} chiede {room}: {title}",
        "decide": "Accetti per approvare, rifiuti per negare.",
    },
    "nl": {
        "busy": "Bezet",
        "MODE": "Deze ruimte neemt geen boekingen aan.",
        "CONFLICT": "De ruimte is dan bezet.",
        "HOURS": "De ruimte is dan gesloten ({value}).",
        "HORIZON": "De ruimte kan {value} vooruit worden geboekt.",
        "later": "Over deze datum wordt later beslist.",
        "LEAD-TIME": "De ruimte moet minstens {value} vooruit worden geboekt.",
        "DURATION": "Deze boeking heeft geen toegestane lengte ({value}).",
        "CAPACITY": "Er zijn meer mensen uitgenodigd dan er plaatsen zijn ({value}).",
        "NOT-ALLOWED": "U mag deze ruimte niet boeken.",
        "EXTERNAL": "Deze ruimte neemt geen boekingen van buiten aan.",
        "QUOTA": "U hebt deze ruimte zo veel geboekt als is toegestaan ({value}).",
        "RECURRING": "Deze ruimte neemt geen terugkerende boekingen aan.",
        "SERIES": "Te veel data van de reeks kunnen niet worden geboekt ({value}).",
        "PENDING": "De ruimte wordt vastgehouden tot de beheerders beslissen.",
        "MANAGER": "De beheerders van de ruimte hebben geweigerd.",
        "TIMEOUT": "Niemand heeft het verzoek op tijd goedgekeurd.",
        "DISPLACED": "Een boeking met voorrang heeft de ruimte overgenomen.",
        "RELEASED": "De ruimte is vrijgegeven, omdat niemand haar zou gebruiken.",
        "time": "Bezet: {start} tot {end}.",
        "organizer": "Geboekt door {organizer}.",
        "alternatives": "Dan vrij: {rooms}.",
        "full": "Er zijn {people} mensen uitgenodigd, de ruimte heeft {capacity} plaatsen.",
        "request": "{booker} vraagt om {room}: {title}",
        "decide": "Accepteer om goed te keuren, wijs af om te weigeren.",
    },
    "pt": {
        "busy": "Ocupado",
        "MODE": "Esta sala não aceita reservas.",
        "CONFLICT": "A sala está ocupada a essa hora.",
        "HOURS": "A sala está fechada a essa hora ({value}).",
        "HORIZON": "A sala reserva-se com {value} de antecedência.",
        "later": "Esta data será decidida a seu tempo.",
        "LEAD-TIME": "A sala deve ser reservada pelo menos {value} antes.",
        "DURATION": "Esta reserva não tem uma duração permitida ({value}).",
        "CAPACITY": "Há mais convidados do que lugares na sala ({value}).",
        "NOT-ALLOWED": "Não pode reservar esta sala.",
        "EXTERNAL": "Esta sala não aceita reservas de fora.",
        "QUOTA": "Já reservou esta sala tanto quanto é permitido ({value}).",
        "RECURRING": "Esta sala não aceita reservas recorrentes.",
        "SERIES": "Demasiadas datas da série não podem ser reservadas ({value}).",
        "PENDING": "A sala fica guardada até os responsáveis decidirem.",
        "MANAGER": "Os responsáveis da sala recusaram.",
        "TIMEOUT": "Ninguém aprovou o pedido a tempo.",
        "DISPLACED": "Uma reserva com prioridade ocupou a sala.",
        "RELEASED": "A sala foi libertada, pois ninguém a usaria.",
        "time": "Ocupada: {start} a {end}.",
        "organizer": "Reservada por {organizer}.",
        "alternatives": "Livres a essa hora: {rooms}.",
        "full": "Há {people} pessoas convidadas, a sala tem {capacity} lugares.",
        "request": "{booker} pede {room}: {title}",
        "decide": "Aceite para aprovar, recuse para negar.",
    },
    "vi": {
        "busy": "Bận",
        "MODE": "Phòng này không nhận đặt chỗ.",
        "CONFLICT": "Phòng đã có người đặt vào giờ đó.",
        "HOURS": "Phòng đóng cửa vào giờ đó ({value}).",
        "HORIZON": "Phòng được đặt trước tối đa {value}.",
        "later": "Ngày này sẽ được quyết định khi đến hạn.",
        "LEAD-TIME": "Phòng phải được đặt trước ít nhất {value}.",
        "DURATION": "Thời lượng đặt phòng không được phép ({value}).",
        "CAPACITY": "Số người được mời nhiều hơn số chỗ của phòng ({value}).",
        "NOT-ALLOWED": "Bạn không được phép đặt phòng này.",
        "EXTERNAL": "Phòng này không nhận đặt chỗ từ bên ngoài.",
        "QUOTA": "Bạn đã đặt phòng này hết mức cho phép ({value}).",
        "RECURRING": "Phòng này không nhận đặt chỗ định kỳ.",
        "SERIES": "Quá nhiều ngày trong chuỗi không thể đặt được ({value}).",
        "PENDING": "Phòng được giữ cho bạn đến khi người quản lý quyết định.",
        "MANAGER": "Người quản lý phòng đã từ chối.",
        "TIMEOUT": "Không ai duyệt yêu cầu kịp thời.",
        "DISPLACED": "Một lượt đặt ưu tiên đã lấy phòng.",
        "RELEASED": "Phòng đã được trả lại vì không ai sử dụng.",
        "time": "Đã đặt: {start} đến {end}.",
        "organizer": "Người đặt: {organizer}.",
        "alternatives": "Còn trống vào giờ đó: {rooms}.",
        "full": "{people} người được mời, phòng có {capacity} chỗ.",
        "request": "{booker} xin đặt {room}: {title}",
        "decide": "Chấp nhận để duyệt, từ chối để không duyệt.",
    },
}
"""Sentences by language, and by reason code or part of a sentence."""


def text(language: str, key: str, **values: object) -> str:
    """A sentence in `language` (a language tag; its region does not matter), else in English."""
    texts = TEXTS.get(language.lower().replace("_", "-").split("-")[0], TEXTS[DEFAULT_LANGUAGE])
    return texts[key].format(**values).replace(" ()", "")


def comment(
    policy: BookingPolicy,
    verdict: Verdict,
    wanted: Wanted,
    *,
    language: str,
    zone: tzinfo,
    organizer: str = "",
    alternatives: Sequence[str] = (),
) -> str:
    """The COMMENT of a reply: sentences, then the code in brackets; "" where there is nothing to say.

    `organizer` is the name of who holds the conflicting booking. Titles are never told.
    """
    if policy.response is Response.NONE:
        return ""
    if verdict.partstat is PartStat.ACCEPTED:
        if policy.enforce_capacity is CapacityRule.WARN and 0 < policy.capacity < wanted.people:
            full = text(language, "full", people=wanted.people, capacity=policy.capacity)
            return f"{full} [{Reason.CAPACITY}]"
        return ""
    if verdict.reason.value not in TEXTS[DEFAULT_LANGUAGE]:
        return ""
    sentences = [text(language, verdict.reason.value, value=verdict.value)]
    if verdict.reason is Reason.HORIZON and policy.horizon_action is not HorizonAction.DECLINE:
        sentences.append(text(language, "later"))
    conflict = verdict.conflict
    if conflict is not None and policy.response in {Response.TIME, Response.ORGANIZER}:
        start, end = clock_times(conflict.start, conflict.end, zone)
        sentences.append(text(language, "time", start=start, end=end))
        if policy.response is Response.ORGANIZER and organizer:
            sentences.append(text(language, "organizer", organizer=organizer))
    if alternatives:
        sentences.append(text(language, "alternatives", rooms=", ".join(alternatives)))
    return f"{' '.join(sentences)} [{verdict.reason}]"


def clock_times(start: datetime, end: datetime, zone: tzinfo) -> tuple[str, str]:
    """Start and end as people write them, the date once where both have it."""
    local_start, local_end = start.astimezone(zone), end.astimezone(zone)
    same_day = local_start.date() == local_end.date()
    return (
        f"{local_start:%Y-%m-%d %H:%M}",
        f"{local_end:%H:%M}" if same_day else f"{local_end:%Y-%m-%d %H:%M}",
    )
