//! Links the image for a board.

/// Where the pages begin that the node keeps its configuration and its counters in; the same on all boards.
const PAGES: u32 = 0xD_8000;

fn main() {
    boards::link_below(PAGES);
}
