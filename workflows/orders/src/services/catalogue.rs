//! What can be ordered.

/// A kind of goods.
#[derive(Debug, Clone, Copy)]
pub struct Goods {
    /// What the warehouse calls it.
    pub item: &'static str,
    /// What a piece costs.
    pub cents: u64,
    /// How many pieces a new warehouse has.
    pub pieces: u32,
}

/// How many pieces there are of what there is enough of.
const ENOUGH: u32 = 1_000_000;

/// How many pieces there are of what soon runs out.
const FEW: u32 = 40;

/// All goods.
pub const GOODS: [Goods; 12] = [
    goods("walnut desk", 42_000, ENOUGH),
    goods("reading lamp", 4_900, ENOUGH),
    goods("wool rug", 18_500, ENOUGH),
    goods("oak shelf", 12_000, ENOUGH),
    goods("linen curtain", 6_200, ENOUGH),
    goods("copper kettle", 5_400, ENOUGH),
    goods("desk chair", 23_900, ENOUGH),
    goods("wall clock", 3_800, ENOUGH),
    goods("paper bin", 1_900, ENOUGH),
    goods("brass hook", 700, ENOUGH),
    goods("signed print", 31_000, FEW),
    goods("antique globe", 64_000, FEW),
];

const fn goods(item: &'static str, cents: u64, pieces: u32) -> Goods {
    Goods { item, cents, pieces }
}
