//! Which of a publisher's messages on a topic a subscriber has got.

/// The messages that have come, of a row counted from 0. Only the last 128 are told apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    /// One more than the highest number that has come.
    end: u32,
    /// The numbers before `end`, the last one in the lowest bit.
    came: u128,
}

/// How a message comes after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// After all that have come.
    Later,
    /// For the first time, after one with a higher number.
    Overtaken,
    /// Again.
    Again,
}

impl Window {
    /// Message `number` has come.
    pub(crate) fn note(&mut self, number: u32) -> Order {
        if number >= self.end {
            let by = number - self.end + 1;
            self.came = self.came.checked_shl(by).unwrap_or(0) | 1;
            self.end = number + 1;
            return Order::Later;
        }
        if self.has(number) {
            return Order::Again;
        }
        self.came |= 1 << (self.end - 1 - number);
        Order::Overtaken
    }

    /// Whether message `number` has come. What lies so far back that it is forgotten has most likely come.
    pub(crate) fn has(&self, number: u32) -> bool {
        number < self.end && 1_u128.checked_shl(self.end - 1 - number).is_none_or(|bit| self.came & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_new_once() {
        let mut window = Window::default();
        let came = [0, 1, 1, 3, 2, 2, 3, 300, 172, 173, 173].map(|number| window.note(number));
        use Order::{Again, Later, Overtaken};
        assert_eq!(came, [Later, Later, Again, Later, Overtaken, Again, Again, Later, Again, Overtaken, Again]);
    }
}
