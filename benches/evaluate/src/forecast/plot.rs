//! The reliability diagram: predicted chances against what happened.

use std::fmt::Write;

use super::{Evaluation, minutes};

const SIZE: f64 = 420.0;
const MARGIN: f64 = 56.0;
/// Lines drawn, minutes ahead with their colours (Okabe and Ito: distinguishable with any colour vision).
const LINES: [(i64, &str); 5] =
    [(15, "#0072b2"), (30, "#009e73"), (60, "#e69f00"), (120, "#d55e00"), (1440, "#cc79a7")];

impl Evaluation {
    /// An SVG: one line per horizon; on the diagonal forecasts are calibrated. The area of a point is the number of
    /// forecasts.
    pub fn reliability(&self) -> String {
        let place = |p: f64| MARGIN + p * SIZE;
        let height = |p: f64| MARGIN / 2.0 + (1.0 - p) * SIZE;
        let (width, full) = (SIZE + 2.0 * MARGIN + 60.0, SIZE + 1.5 * MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {full}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>Reliability: predicted chance of at least 5 % vacant against what happened</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        );
        for tenth in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
            let (x, y) = (place(tenth), height(tenth));
            let _ = writeln!(
                svg,
                "<path d=\"M{x} {}V{}M{} {y}H{}\" stroke=\"#ddd\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{tenth}</text>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{tenth}</text>",
                height(1.0),
                height(0.0),
                place(0.0),
                place(1.0),
                height(0.0) + 18.0,
                place(0.0) - 8.0,
                y + 4.0
            );
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{} {}L{} {}\" stroke=\"#888\" stroke-dasharray=\"5 4\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">predicted chance of at least 5 % vacant</text>\n\
         <text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">share that happened</text>",
            place(0.0),
            height(0.0),
            place(1.0),
            height(1.0),
            place(0.5),
            height(0.0) + 40.0,
            height(0.5)
        );
        let all = self.all();
        for (line, (ahead, colour)) in LINES.iter().enumerate() {
            let Some(index) = (0..all.len()).find(|i| minutes(*i) == *ahead) else { continue };
            let points: Vec<(u64, f64, f64)> = all[index].calibration.points().collect();
            let path: Vec<String> = points
                .iter()
                .map(|(_, p, share)| format!("{:.1} {:.1}", place(*p), height(*share)))
                .collect();
            if path.is_empty() {
                continue;
            }
            let _ = writeln!(
                svg,
                "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
                path.join("L")
            );
            for (n, p, share) in &points {
                let radius = 1.0 + (*n as f64).log10();
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" fill=\"{colour}\"><title>{n} forecasts</title></circle>",
                    place(*p),
                    height(*share)
                );
            }
            let y = height(0.45) + 20.0 * line as f64;
            let x = place(1.0) + 12.0;
            let _ = writeln!(
                svg,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{ahead} min</text>",
                x + 10.0,
                y + 4.0
            );
        }
        svg + "</svg>\n"
    }
}
