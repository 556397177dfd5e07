//! Lists of which there are very many, most of them very short.

/// For how many more a full list of so many makes room: a quarter, not as many again. Three items take room for three.
pub(crate) const fn more(len: usize) -> usize {
    len / 4 + 1
}

/// Appends to a list that grows by that.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(more(list.len()));
    }
    list.push(item);
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_list_has_little_more_room_than_items() {
        let mut list = Vec::new();
        let mut room = |items: u32| {
            (0..items).for_each(|item| super::push(&mut list, item));
            list.capacity()
        };
        assert_eq!([room(3), room(997)], [3, 1_109]);
    }
}
