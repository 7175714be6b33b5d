//! The memory of a run, as it is stored: only what differs from the memory of a fresh guest of the
//! same module, compressed.

/// The whole state of a run between two turns: what makes a fresh instance of the same module go on
/// where the run was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// How large the memory is, in pages of 64 KiB.
    pub pages: u64,
    /// How many operations the run has started.
    pub operations: u64,
    /// The memory, from the end of the stack on.
    pub memory: Vec<u8>,
}

/// How many bytes are compared at once. A heap changes in small places, and each block that differs
/// costs its number besides its bytes.
const BLOCK: usize = 256;

/// The bytes of a block's number.
const NUMBER: usize = 4;

/// The bytes that say how large the blocks are before compression.
const SIZE: usize = 4;

/// Why stored blocks are not the memory of a guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A fresh guest of this module has no memory to compare with.
    #[error("a fresh guest cannot be saved ({0})")]
    Fresh(&'static str),
    /// So much of the memory differs that its size cannot be written.
    #[error("it has changed {0} bytes of its memory, more than an image can hold")]
    TooLarge(usize),
    /// The blocks are damaged.
    #[error("its blocks are damaged: {0}")]
    Damaged(&'static str),
}

/// A fresh memory without the blocks of zeros at its end, which need not be kept: what lies beyond it
/// is taken for zeros.
pub(super) fn without_end(mut memory: Vec<u8>) -> Vec<u8> {
    let used = memory.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    memory.truncate(used.next_multiple_of(BLOCK));
    memory.shrink_to_fit();
    memory
}

/// The blocks of `memory` that differ from `fresh`, each after its number; what lies beyond `fresh`
/// is compared with zeros, as memory grows. Compressed, after the size that it had before.
pub(super) fn pack(fresh: &[u8], memory: &[u8]) -> Result<Vec<u8>, PackError> {
    let mut differing = Vec::new();
    for (number, block) in (0_u32..).zip(memory.chunks(BLOCK)) {
        let at = number as usize * BLOCK;
        let is_same = match fresh.get(at..at + block.len()) {
            Some(before) => before == block,
            None => at >= fresh.len() && block.iter().all(|byte| *byte == 0),
        };
        if !is_same {
            differing.extend_from_slice(&number.to_le_bytes());
            differing.extend_from_slice(block);
        }
    }
    let size = u32::try_from(differing.len()).map_err(|_| PackError::TooLarge(differing.len()))?;
    let mut packed = size.to_le_bytes().to_vec();
    packed.extend(lz4_flex::block::compress(&differing));
    Ok(packed)
}

pub(super) fn unpack(fresh: &[u8], length: usize, packed: &[u8]) -> Result<Vec<u8>, PackError> {
    let damaged = |what| move || PackError::Damaged(what);
    let (size, compressed) =
        packed.split_first_chunk::<SIZE>().ok_or_else(damaged("they end within their size"))?;
    let size = u32::from_le_bytes(*size) as usize;
    // Before anything is allocated for it.
    if size > length.div_ceil(BLOCK).saturating_mul(BLOCK + NUMBER) {
        return Err(PackError::Damaged("they are larger than the memory"));
    }
    let differing = lz4_flex::block::decompress(compressed, size)
        .map_err(|_| PackError::Damaged("they cannot be decompressed"))?;
    let mut memory = fresh[..fresh.len().min(length)].to_vec();
    memory.resize(length, 0);
    let mut rest = differing.as_slice();
    while !rest.is_empty() {
        let (number, blocks) =
            rest.split_first_chunk::<NUMBER>().ok_or_else(damaged("one ends within its number"))?;
        let at = (u32::from_le_bytes(*number) as usize).saturating_mul(BLOCK);
        let room = memory.get_mut(at..).ok_or_else(damaged("one lies beyond the memory"))?;
        let size = room.len().min(BLOCK);
        let block = blocks.get(..size).ok_or_else(damaged("one is too short"))?;
        room[..size].copy_from_slice(block);
        rest = &blocks[size..];
    }
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked_as_it_was(
            fresh in vec(0_u8..3, 0..2_000),
            changes in vec((0_usize..5_000, any::<u8>()), 0..40),
            length in 0_usize..5_000,
        ) {
            let mut memory = fresh.clone();
            memory.resize(length, 0);
            for (at, byte) in changes.into_iter().filter(|(at, _)| *at < length) {
                memory[at] = byte;
            }
            prop_assert_eq!(pack(&fresh, &memory).and_then(|packed| unpack(&fresh, length, &packed)), Ok(memory));
        }

        #[test]
        fn no_bytes_make_unpacking_panic(packed in vec(any::<u8>(), 0..600), length in 0_usize..5_000) {
            let _ = unpack(&[7; 1_000], length, &packed);
            // Whole blocks with numbers of all sizes, so that more than the compression is reached.
            let size = u32::try_from(packed.len()).unwrap().to_le_bytes();
            let sized = [&size[..], &lz4_flex::block::compress(&packed)].concat();
            if let Ok(memory) = unpack(&[7; 1_000], length, &sized) {
                prop_assert_eq!(memory.len(), length);
            }
        }
    }

    #[test]
    fn what_is_the_same_is_not_stored() {
        let fresh = vec![3; 64 << 10];
        let mut memory = fresh.clone();
        memory[10_000] = 4;
        memory.resize(128 << 10, 0);
        let packed = pack(&fresh, &memory).unwrap();
        assert!(packed.len() < 2 * BLOCK, "{} bytes", packed.len());
    }

    #[test]
    fn a_size_that_no_memory_has_allocates_nothing() {
        let packed = [&u32::MAX.to_le_bytes()[..], &[0; 8]].concat();
        let damage = unpack(&[], 1_000, &packed).expect_err("it is damaged");
        assert_eq!(damage.to_string(), "its blocks are damaged: they are larger than the memory");
    }
}
