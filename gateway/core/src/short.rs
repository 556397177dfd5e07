//! Lists of which there are very many, most of them empty or very short.

use thin_vec::ThinVec;

/// A list whose length and capacity are with its items: one pointer where it is kept, not three words, and nothing else as
/// long as it is empty.
pub(crate) type Short<T> = ThinVec<T>;

/// For how many more a full list of so many makes room: a quarter, not as many again. Three items take room for three.
pub(crate) const fn more(len: usize) -> usize {
    len / 4 + 1
}

/// Appends to a list that grows by that.
pub(crate) fn push<T>(list: &mut Short<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(more(list.len()));
    }
    list.push(item);
}

const _: () = assert!(size_of::<Short<u16>>() == size_of::<usize>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_little_more_room_than_items() {
        let mut list = Short::new();
        let mut room = |items: u32| {
            (0..items).for_each(|item| push(&mut list, item));
            list.capacity()
        };
        assert_eq!([room(3), room(997)], [3, 1_109]);
    }
}
