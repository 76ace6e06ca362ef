//! Time zones as people name them.

use super::Language;

/// Places whose time people call by another name than the zone's, or write with accents.
const PLACES: [(&str, &str); 16] = [
    ("America/Sao_Paulo", "Brasília"),
    ("Brazil/East", "Brasília"),
    ("America/Araguaina", "Araguaína"),
    ("America/Belem", "Belém"),
    ("America/Campo_Grande", "Campo Grande"),
    ("America/Cuiaba", "Cuiabá"),
    ("America/Eirunepe", "Eirunepé"),
    ("America/Maceio", "Maceió"),
    ("America/Noronha", "Fernando de Noronha"),
    ("America/Rio_Branco", "Rio Branco"),
    ("America/Santarem", "Santarém"),
    ("America/Asuncion", "Asunción"),
    ("America/Bogota", "Bogotá"),
    ("America/Mexico_City", "Ciudad de México"),
    ("Atlantic/Azores", "Açores"),
    ("Europe/Lisbon", "Lisboa"),
];

/// `horário de Brasília, UTC−3`. Without a place, the offset alone.
pub fn named(zone: Option<&str>, offset_seconds: i32, language: Language) -> String {
    let offset = offset(offset_seconds);
    match (zone.and_then(place), language) {
        (Some(place), Language::Portuguese) => format!("horário de {place}, {offset}"),
        (Some(place), Language::English) => format!("{place} time, {offset}"),
        (None, _) => offset,
    }
}

/// The place in an IANA name; `Etc/GMT+3` and `UTC` are none.
fn place(zone: &str) -> Option<String> {
    if let Some((_, place)) = PLACES.iter().find(|(name, _)| *name == zone) {
        return Some((*place).to_owned());
    }
    let (area, place) = zone.rsplit_once('/')?;
    (area != "Etc").then(|| place.replace('_', " "))
}

/// `UTC−3`, `UTC+5:30`, `UTC`.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '−' } else { '+' };
    let (hours, minutes) = (seconds.unsigned_abs() / 3600, seconds.unsigned_abs() / 60 % 60);
    match (hours, minutes) {
        (0, 0) => "UTC".into(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_named_by_their_place_and_offset() {
        for (zone, hours, expected) in [
            (Some("America/Sao_Paulo"), -3.0, "horário de Brasília, UTC−3"),
            (Some("America/Manaus"), -4.0, "horário de Manaus, UTC−4"),
            (Some("America/Argentina/Buenos_Aires"), -3.0, "horário de Buenos Aires, UTC−3"),
            (Some("Asia/Kolkata"), 5.5, "horário de Kolkata, UTC+5:30"),
            (Some("Etc/GMT+3"), -3.0, "UTC−3"),
            (Some("UTC"), 0.0, "UTC"),
            (None, -9.5, "UTC−9:30"),
        ] {
            assert_eq!(named(zone, (hours * 3600.0) as i32, Language::Portuguese), expected);
        }
    }
}
