//! Links the image for a board.

fn main() {
    boards::link();
}
