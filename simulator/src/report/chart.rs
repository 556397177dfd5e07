//! Charts as SVG, without any text but the ticks of their axes: titles, legends and tables are the page's.

use super::axis::{Axis, log_us};
use super::model::{Latency, LatencyBucket, Outage};
use super::palette::Ink;
use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::element::{PathElement, Rectangle};
use plotters::series::{AreaSeries, LineSeries};
use plotters::style::{Color as _, IntoFont as _};

/// In pixels of a page on which it is not scaled.
const SIZE: (u32, u32) = (420, 230);

/// Of ticks. `plotters` makes it a font size by dividing it by 1.24.
const TICK_HEIGHT: u32 = 17;

/// What the labels of the vertical axis need.
const LABELS_PX: u32 = 50;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Axes<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;
type Error = DrawingAreaErrorKind<std::io::Error>;

/// Something that develops.
pub(super) struct Curve {
    pub(super) ink: Ink,
    /// When, in microseconds, and how much.
    pub(super) points: Vec<(u64, f64)>,
    /// Filled down to the axis.
    pub(super) is_area: bool,
}

/// Curves over the time of a run. A time without gateway is shaded, and a line marks when it began.
///
/// `axis` makes the vertical axis for the largest value.
pub(super) fn over_time(duration_us: u64, curves: &[Curve], outages: &[Outage], axis: fn(f64) -> Axis) -> String {
    let top = curves.iter().flat_map(|curve| &curve.points).map(|(_, value)| *value).fold(0.0, f64::max);
    draw(|area| {
        let (x, y) = (Axis::time(duration_us), axis(top));
        let (end, top) = (x.end(), y.end());
        let mut chart = axes(area, x, y)?;
        for outage in outages {
            let (from, to) = (outage.crashed_us as f64, outage.restarted_us.map_or(end, |us| us as f64));
            chart.draw_series([Rectangle::new([(from, 0.0), (to, top)], Ink::Bad.colour().mix(0.2).filled())])?;
            chart.draw_series([PathElement::new([(from, 0.0), (from, top)], Ink::Bad.colour())])?;
        }
        for Curve { ink, points, is_area } in curves {
            let points = || points.iter().map(|(at_us, value)| (*at_us as f64, *value));
            if *is_area {
                chart.draw_series(AreaSeries::new(points(), 0.0, ink.colour().mix(0.25)))?;
            }
            chart.draw_series(LineSeries::new(points(), ink.colour().stroke_width(2)))?;
        }
        Ok(())
    })
}

/// How many messages took how long, on a logarithmic axis, with lines at half, 90% and 99% of them.
pub(super) fn latency(latency: &Latency, ink: Ink) -> String {
    let Latency { buckets, .. } = latency;
    let first_us = buckets.first().map_or(0, |bucket| bucket.from_us);
    let last_us = buckets.last().map_or(0, |bucket| bucket.to_us);
    let top = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0);
    draw(|area| {
        let y = Axis::counts(top as f64);
        let top = y.end();
        let mut chart = axes(area, Axis::decades(first_us, last_us), y)?;
        chart.draw_series(buckets.iter().filter(|bucket| bucket.count > 0).map(|bucket| bar(bucket, ink)))?;
        let marks = [latency.p50_us, latency.p90_us, latency.p99_us].map(log_us);
        let style = Ink::Text.colour().stroke_width(1);
        chart.draw_series(marks.map(|at| PathElement::new([(at, 0.0), (at, top)], style)))?;
        Ok(())
    })
}

fn bar(bucket: &LatencyBucket, ink: Ink) -> Rectangle<(f64, f64)> {
    let corners = [(log_us(bucket.from_us), 0.0), (log_us(bucket.to_us), bucket.count as f64)];
    let mut bar = Rectangle::new(corners, ink.colour().mix(0.85).filled());
    bar.set_margin(0, 0, 1, 0);
    bar
}

/// Days side by side, in ascending order.
pub(super) fn sorted_days(days: &[u32], ink: Ink) -> String {
    let top = days.last().copied().unwrap_or(0);
    // One step per pixel is as much as can be seen.
    let every = days.len().div_ceil(SIZE.0 as usize).max(1);
    let corners = days.iter().enumerate().step_by(every).flat_map(|(place, days_here)| {
        let (from, to) = (place as f64, (place + every).min(days.len()) as f64);
        [(from, f64::from(*days_here)), (to, f64::from(*days_here))]
    });
    draw(|area| {
        let mut chart = axes(area, Axis::places(days.len()), Axis::days(f64::from(top)))?;
        chart.draw_series(AreaSeries::new(corners.clone(), 0.0, ink.colour().mix(0.25)))?;
        chart.draw_series(LineSeries::new(corners, ink.colour().stroke_width(2)))?;
        Ok(())
    })
}

/// # Panics
/// Never: an SVG in memory has no disk that could fail.
fn draw(paint: impl FnOnce(&Area<'_>) -> Result<(), Error>) -> String {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let drawn = paint(&area).and_then(|()| area.present());
    drop(area);
    drawn.expect("memory does not fail");
    svg
}

fn axes<'a>(area: &Area<'a>, x: Axis, y: Axis) -> Result<Axes<'a>, Error> {
    let mut builder = ChartBuilder::on(area);
    builder.margin_top(10).margin_right(26).x_label_area_size(28).y_label_area_size(LABELS_PX);
    let mut chart = builder.build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .bold_line_style(Ink::Grid.colour())
        .axis_style(Ink::Muted.colour())
        .label_style(("sans-serif", TICK_HEIGHT).into_font().color(&Ink::Muted.colour()))
        .draw()?;
    Ok(chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_of_nothing_is_a_chart() {
        let empty = Curve { ink: Ink::Up, points: Vec::new(), is_area: true };
        let dot = Curve { ink: Ink::Up, points: vec![(0, 0.0)], is_area: true };
        let charts = [
            over_time(0, &[], &[], Axis::counts),
            over_time(0, &[empty, dot], &[Outage { crashed_us: 0, restarted_us: None }], Axis::percent),
            latency(&Latency::default(), Ink::Up),
            sorted_days(&[], Ink::Plain),
            sorted_days(&[0], Ink::Plain),
        ];
        for chart in charts {
            assert!(chart.starts_with("<svg") && chart.trim_end().ends_with("</svg>"), "{chart}");
            assert!(!chart.contains("NaN") && !chart.contains("inf"), "{chart}");
        }
    }

    #[test]
    fn ten_thousand_batteries_make_no_larger_chart_than_a_few_hundred() {
        let values: Vec<u32> = (0..10_000).collect();
        assert!(sorted_days(&values, Ink::Plain).len() < 60_000);
    }
}
