//! Links the image for a board, below the pages with settings.

fn main() {
    boards::link_below(config_page::ADDRESS);
}
