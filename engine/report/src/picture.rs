//! The dependency graph as a picture: one SVG, with no script and nothing to load. What needs nothing stands left; each stands right of all
//! that it needs.

use std::fmt::Write as _;

use pilotis_plan::Dependent;

const HEIGHT: usize = 30;
const ROW: usize = 44;
const BETWEEN: usize = 90;
const MARGIN: usize = 20;
/// Of a character of the font, generously.
const CHARACTER: usize = 8;

const STYLE: &str = "svg{background:#fff}rect{fill:#f4f6fb;stroke:#3a4a6b}text{font:13px ui-monospace,monospace;fill:#1b2333}path{fill:none;stroke:#5b6b8c}marker path{fill:#5b6b8c}@media(prefers-color-scheme:dark){svg{background:#14181f}rect{fill:#232b3a;stroke:#9fb0d0}text{fill:#eef2fa}path{stroke:#9fb0d0}marker path{fill:#9fb0d0}}";

/// Where a box stands.
#[derive(Clone, Copy, Default)]
struct Place {
    column: usize,
    row: usize,
}

/// The picture.
pub fn picture(all: &[Dependent]) -> String {
    let places = places(all);
    let columns = places.iter().map(|p| p.column + 1).max().unwrap_or(0);
    let rows = places.iter().map(|p| p.row + 1).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for (dependent, place) in all.iter().zip(&places) {
        let width = dependent.address().chars().count() * CHARACTER + 20;
        widths[place.column] = width.max(widths[place.column]);
    }
    let mut lefts = vec![MARGIN; columns];
    for column in 1..columns {
        lefts[column] = lefts[column - 1] + widths[column - 1] + BETWEEN;
    }
    let width = lefts.last().zip(widths.last()).map_or(0, |(left, width)| left + width) + MARGIN;
    let height = rows * ROW + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{} resources and data sources, and what they need\">\n<style>{STYLE}</style>\n<defs><marker id=\"needs\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
        all.len()
    );
    let middle = |place: Place| MARGIN + place.row * ROW + HEIGHT / 2;
    for (dependent, place) in all.iter().zip(&places) {
        for needed in dependent.needs.iter().filter_map(|i| places.get(*i)) {
            let (from, to) = (lefts[place.column], lefts[needed.column] + widths[needed.column]);
            let (y, z, bend) = (middle(*place), middle(*needed), BETWEEN / 2);
            let _ = writeln!(
                out,
                "<path d=\"M{from} {y}C{} {y} {} {z} {to} {z}\" marker-end=\"url(#needs)\"/>",
                from - bend,
                to + bend
            );
        }
    }
    for (dependent, place) in all.iter().zip(&places) {
        let (x, y, width) = (lefts[place.column], MARGIN + place.row * ROW, widths[place.column]);
        let name = escaped(&dependent.address());
        let _ = writeln!(
            out,
            "<g><title>{name}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"4\"/><text x=\"{}\" y=\"{}\">{name}</text></g>",
            x + 10,
            y + 20
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Each right of all that it needs; in a column, near to what it needs.
fn places(all: &[Dependent]) -> Vec<Place> {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    for (user, dependent) in all.iter().enumerate() {
        for needed in dependent.needs.iter().filter(|i| **i < all.len()) {
            users[*needed].push(user);
        }
    }
    let mut places = vec![Place::default(); all.len()];
    let mut missing: Vec<usize> = all.iter().map(|d| d.needs.len()).collect();
    let mut column: Vec<usize> = (0..all.len()).filter(|i| missing[*i] == 0).collect();
    let mut number = 0;
    while !column.is_empty() {
        // By the middle of what it needs; the sort keeps the order of names among equals.
        column.sort_by_key(|i| {
            let rows = all[*i].needs.iter().map(|needed| places[*needed].row);
            (rows.sum::<usize>() * 100).checked_div(all[*i].needs.len()).unwrap_or(0)
        });
        let mut next = Vec::new();
        for (row, node) in column.into_iter().enumerate() {
            places[node] = Place { column: number, row };
            for user in &users[node] {
                missing[*user] -= 1;
                if missing[*user] == 0 {
                    next.push(*user);
                }
            }
        }
        next.sort_unstable();
        (column, number) = (next, number + 1);
    }
    places
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependent(module: &str, name: &str, needs: &[usize]) -> Dependent {
        Dependent { module: module.into(), name: name.into(), needs: needs.to_vec() }
    }

    #[test]
    fn each_stands_right_of_what_it_needs() {
        let all = [dependent("", "a.x", &[2]), dependent("", "b.y", &[]), dependent("m", "c.z", &[1])];
        let columns: Vec<usize> = places(&all).iter().map(|p| p.column).collect();
        assert_eq!(columns, [2, 0, 1]);
        let drawn = picture(&all);
        assert_eq!((drawn.matches("<rect").count(), drawn.matches("marker-end").count()), (3, 2));
    }

    #[test]
    fn names_are_text_and_nothing_is_a_picture_too() {
        let drawn = picture(&[dependent("project[\"<b>\"]", "a.b", &[])]);
        assert!(drawn.contains("project[&quot;&lt;b&gt;&quot;].a.b") && !drawn.contains("<b>"), "{drawn}");
        assert!(picture(&[]).starts_with("<svg "));
    }
}
