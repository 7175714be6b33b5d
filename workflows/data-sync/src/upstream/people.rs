//! Names, companies, goods: what the upstream's records are made of.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

const FIRST: [&str; 32] = [
    "Ada", "Amara", "Anselm", "Beatriz", "Chen", "Chidi", "Dagny", "Edsger", "Elif", "Farid",
    "Grace", "Hana", "Ingrid", "Ismael", "Jadwiga", "Joaquin", "Kateryna", "Leila", "Lars", "Mei",
    "Milan", "Noor", "Olumide", "Paula", "Quentin", "Rosa", "Sanjay", "Tove", "Umberto", "Violeta",
    "Wanjiru", "Yusuf",
];

const LAST: [&str; 32] = [
    "Abiodun",
    "Almeida",
    "Andersson",
    "Bauer",
    "Castellanos",
    "Dubois",
    "Eriksen",
    "Fontaine",
    "Garcia",
    "Haddad",
    "Hopper",
    "Ivanova",
    "Jansen",
    "Kaya",
    "Kowalska",
    "Lindqvist",
    "Lovelace",
    "Mbeki",
    "Moreau",
    "Nakamura",
    "Novak",
    "O'Brien",
    "Okafor",
    "Petrov",
    "Rossi",
    "Sharma",
    "Silva",
    "Tanaka",
    "Varga",
    "Weber",
    "Yilmaz",
    "Zhang",
];

const COMPANIES: [&str; 16] = [
    "Alder & Sons",
    "Blue Harbour Logistics",
    "Cobalt Works",
    "Delta Foods",
    "Elm Street Press",
    "Fjord Energy",
    "Granite Insurance",
    "Halcyon Labs",
    "Iberia Textiles",
    "Juniper Clinics",
    "Kestrel Avionics",
    "Lumen Optics",
    "Meridian Bank",
    "Northwind Traders",
    "Orchard Media",
    "Pine & Co",
];

const CITIES: [&str; 16] = [
    "Accra", "Bergen", "Bogotá", "Busan", "Cork", "Ghent", "Kraków", "Lyon", "Málaga", "Nairobi",
    "Osaka", "Porto", "Pune", "Tartu", "Turin", "Zürich",
];

const GOODS: [&str; 16] = [
    "walnut desk",
    "reading lamp",
    "oak shelf",
    "wool rug",
    "steel kettle",
    "cork board",
    "linen curtain",
    "brass hook",
    "ash stool",
    "clay vase",
    "paper shade",
    "maple tray",
    "felt basket",
    "glass carafe",
    "rattan chair",
    "tin lantern",
];

const STATES: [&str; 5] = ["placed", "paid", "packed", "shipped", "returned"];

/// What is known of a person.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) company: &'static str,
    pub(super) city: &'static str,
}

/// Somebody. The number makes the mail address unique.
pub(super) fn person(random: &mut impl Rng, number: i64) -> Person {
    let first = pick(random, &FIRST);
    let last = pick(random, &LAST);
    let mailbox = last.to_lowercase().replace(|c: char| !c.is_ascii_lowercase(), "");
    Person {
        name: format!("{first} {last}"),
        email: format!("{}.{mailbox}{number}@example.com", first.to_lowercase()),
        company: pick(random, &COMPANIES),
        city: pick(random, &CITIES),
    }
}

/// What an order says at some moment of its life.
pub(super) fn order(random: &mut impl Rng) -> Value {
    json!({
        "state": pick(random, &STATES),
        "item": pick(random, &GOODS),
        "pieces": random.random_range(1..9),
        "ship_to": pick(random, &CITIES),
    })
}

/// A product's name and price.
pub(super) fn product(random: &mut impl Rng) -> String {
    let cents: u32 = random.random_range(900..90_000);
    format!("{}, {}.{:02} EUR", pick(random, &GOODS), cents / 100, cents % 100)
}

/// A line for the destination.
pub(super) fn line(random: &mut impl Rng) -> String {
    let pieces: u32 = random.random_range(1..9);
    format!("{pieces} × {} for {}", pick(random, &GOODS), pick(random, &COMPANIES))
}

fn pick(random: &mut impl Rng, from: &[&'static str]) -> &'static str {
    from.choose(random).copied().unwrap_or_default()
}
