//! The colours of the page, for light and dark.
//!
//! A chart is drawn in light colours. Where the reader prefers dark, the page's style sheet replaces them one by one,
//! as it may: an attribute of an SVG element gives way to any rule. So there is one chart for both.

use plotters::style::RGBColor;
use std::fmt::Write as _;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text.
    Text,
    /// Text that is not read first: axes, captions.
    Muted,
    /// Lines to measure by.
    Grid,
    /// Messages from nodes.
    Up,
    /// Messages to nodes.
    Down,
    /// What has one series only.
    Plain,
    /// Nodes that sleep.
    Asleep,
    /// What went wrong.
    Bad,
    /// What is fine.
    Good,
    /// What needs a look.
    Warn,
}

/// Red, green, blue, each 0 to 255.
type Rgb = (u8, u8, u8);

impl Ink {
    const ALL: [Self; 10] = [
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Up,
        Self::Down,
        Self::Plain,
        Self::Asleep,
        Self::Bad,
        Self::Good,
        Self::Warn,
    ];

    /// What the style sheet calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Grid => "grid",
            Self::Up => "up",
            Self::Down => "down",
            Self::Plain => "plain",
            Self::Asleep => "asleep",
            Self::Bad => "bad",
            Self::Good => "good",
            Self::Warn => "warn",
        }
    }

    /// On white. All differ, so that each can be replaced.
    const fn light(self) -> Rgb {
        match self {
            Self::Text => (0x0B, 0x0B, 0x0B),
            Self::Muted => (0x62, 0x61, 0x5D),
            Self::Grid => (0xE1, 0xE0, 0xD9),
            Self::Up => (0x2A, 0x78, 0xD6),
            Self::Down => (0xDD, 0x60, 0x20),
            Self::Plain => (0x1B, 0x7F, 0x8A),
            Self::Asleep => (0x9B, 0x8F, 0xD6),
            Self::Bad => (0xC9, 0x2F, 0x2F),
            Self::Good => (0x0A, 0x7D, 0x2C),
            Self::Warn => (0xB3, 0x74, 0x00),
        }
    }

    /// On nearly black.
    const fn dark(self) -> Rgb {
        match self {
            Self::Text => (0xF4, 0xF3, 0xEF),
            Self::Muted => (0xA9, 0xA7, 0x9F),
            Self::Grid => (0x35, 0x35, 0x32),
            Self::Up => (0x4A, 0x96, 0xEE),
            Self::Down => (0xEC, 0x7C, 0x42),
            Self::Plain => (0x35, 0xAE, 0xBA),
            Self::Asleep => (0x7A, 0x6D, 0xC4),
            Self::Bad => (0xF0, 0x6A, 0x6A),
            Self::Good => (0x4C, 0xC3, 0x6F),
            Self::Warn => (0xE8, 0xB0, 0x3C),
        }
    }

    /// As a chart is drawn in it.
    pub(super) const fn colour(self) -> RGBColor {
        let (red, green, blue) = self.light();
        RGBColor(red, green, blue)
    }
}

/// The part of the style sheet that says what colours are.
pub(super) fn style() -> String {
    let mut css = String::from(":root{");
    Ink::ALL.iter().for_each(|ink| declare(&mut css, *ink, ink.light()));
    css.push_str("}\n@media (prefers-color-scheme:dark){:root{");
    Ink::ALL.iter().for_each(|ink| declare(&mut css, *ink, ink.dark()));
    css.push_str("}}\n");
    for ink in Ink::ALL {
        for property in ["fill", "stroke"] {
            let (light, name) = (hex(ink.light()), ink.name());
            let _ = writeln!(css, "svg [{property}=\"{light}\"]{{{property}:var(--{name})}}");
        }
    }
    css
}

fn declare(css: &mut String, ink: Ink, colour: Rgb) {
    let _ = write!(css, "--{}:{};", ink.name(), hex(colour));
}

/// As `plotters` writes it.
fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_inks_share_a_colour() {
        for (place, ink) in Ink::ALL.iter().enumerate() {
            assert!(Ink::ALL[..place].iter().all(|other| other.light() != ink.light()), "{ink:?}");
        }
    }
}
