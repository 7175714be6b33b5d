//! Mutations of what a corpus holds: few of them at once, so that much of it stays well-formed.

use std::ops::Range;

use rand::{Rng, RngExt};

/// How many mutations an input has at most.
const MOST: usize = 6;

/// How long an input may become, in bytes.
const LONGEST: usize = 1 << 20;

/// How long a piece is that is taken out, put in or repeated, in bytes.
const PIECE: usize = 64;

/// Bytes at which something changes: ends of ranges, signs, what begins or ends something in text.
const ODD: &[u8] = &[
    0, 1, 2, 0x7f, 0x80, 0x81, 0xc0, 0xfe, 0xff, b'0', b'9', b'-', b'.', b'%', b'"', b'\\', b'{',
    b'[', b':', b' ', b'\r', b'\n',
];

/// One of the corpus, mutated.
pub(super) fn mutated(corpus: &[Vec<u8>], random: &mut impl Rng) -> Vec<u8> {
    let mut input = one_of(corpus, random).clone();
    for _ in 0..random.random_range(1..=MOST) {
        mutate(&mut input, corpus, random);
    }
    input.truncate(LONGEST);
    input
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut impl Rng) {
    let at = random.random_range(0..=input.len());
    match random.random_range(0..9) {
        0 => change(input, at, |byte| byte ^ (1 << (at % 8))),
        1 => {
            let odd = *one_of(ODD, random);
            change(input, at, |_| odd);
        }
        2 => {
            let any = random.random();
            change(input, at, |_| any);
        }
        3 => input.insert(at, *one_of(ODD, random)),
        4 => drop(input.drain(piece(input, random))),
        5 => {
            let repeated = input[piece(input, random)].to_vec();
            let times = random.random_range(1..=32);
            input.splice(at..at, repeated.repeat(times));
        }
        6 => {
            let other = one_of(corpus, random);
            let foreign = other[piece(other, random)].to_vec();
            input.splice(at..at, foreign);
        }
        7 => input.truncate(at),
        _ => {
            // A number that is too large for something, in digits or in the form of a record.
            let large: &[u8] = if random.random() { b"99999999999999999999" } else { &[0xff; 9] };
            input.splice(at..at, large.iter().copied());
        }
    }
}

fn change(input: &mut [u8], at: usize, to: impl FnOnce(u8) -> u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = to(*byte);
    }
}

fn piece(input: &[u8], random: &mut impl Rng) -> Range<usize> {
    let start = random.random_range(0..=input.len());
    let length = random.random_range(0..=PIECE);
    start..start.saturating_add(length).min(input.len())
}

fn one_of<'a, T>(all: &'a [T], random: &mut impl Rng) -> &'a T {
    &all[random.random_range(0..all.len())]
}
