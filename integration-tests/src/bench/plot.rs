//! A bar for each subject of a comparison, for the README.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::bench::compare::Row;

const WIDTH: u32 = 900;
const BAR: u32 = 34;
const MARGIN: u32 = 70;
/// For the names at the left.
const NAMES: u32 = 260;

/// CPU time a record, the least first to last as they stand.
pub fn cpu(rows: &[Row], path: &Path) -> Result<()> {
    let bars: Vec<(&str, f64)> =
        rows.iter().filter_map(|row| Some((row.subject.as_str(), row.median(|run| run.cpu_micros)?.middle))).collect();
    let most = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    if bars.is_empty() || most <= 0.0 {
        return Ok(());
    }
    let size = (WIDTH, MARGIN + BAR * bars.len() as u32);
    draw(&bars, most, size, path).map_err(|error| anyhow!("the plot cannot be drawn: {error}"))
}

fn draw(bars: &[(&str, f64)], most: f64, size: (u32, u32), path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let canvas = SVGBackend::new(path, size).into_drawing_area();
    canvas.fill(&WHITE)?;
    let text = ("sans-serif", 15).into_font();
    let title = "CPU time of the process a record, microseconds (less is better)";
    canvas.draw(&Text::new(title, (20, 18), ("sans-serif", 17).into_font()))?;
    let scale = f64::from(WIDTH - NAMES - 110) / most;
    for (place, (name, value)) in bars.iter().enumerate() {
        let top = 50 + (BAR * place as u32) as i32;
        let (left, right) = (NAMES as i32, NAMES as i32 + (value * scale).max(1.0) as i32);
        let colour = if name.starts_with("Stampmill") { RGBColor(178, 84, 32) } else { RGBColor(120, 130, 140) };
        canvas.draw(&Text::new((*name).to_owned(), (20, top + 4), text.clone()))?;
        canvas.draw(&Rectangle::new([(left, top), (right, top + BAR as i32 - 10)], colour.filled()))?;
        canvas.draw(&Text::new(format!("{value:.2}"), (right + 8, top + 4), text.clone()))?;
    }
    Ok(canvas.present()?)
}
