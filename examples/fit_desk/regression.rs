//! Multinomial logistic regression with an L2 penalty, by Nesterov's accelerated gradient.

/// One observation.
#[derive(Clone)]
pub struct Row {
    /// Its features.
    pub x: Vec<f32>,
    /// Its class.
    pub y: usize,
    /// How much it counts.
    pub weight: f32,
}

/// One class's fitted numbers.
#[derive(Clone)]
pub struct Fitted {
    /// Added to the product.
    pub bias: f32,
    /// Multiplied with the features.
    pub weights: Vec<f32>,
}

/// Minimises Σ weight · loss + |w|² / (2c); the bias is not penalised.
///
/// `signs` binds a model of two classes: where it is 1 (or -1), a larger feature must not speak against (or for) the
/// second class. Correlated features otherwise take opposite signs, which does not carry over to other knowledge.
pub fn softmax_regression(rows: &[Row], classes: usize, c: f32, iterations: usize, signs: &[i8]) -> Vec<Fitted> {
    let width = rows[0].x.len() + 1;
    let total: f32 = rows.iter().map(|row| row.weight).sum();
    let penalty = 1.0 / (c * total);
    let largest = rows.iter().map(|row| row.x.iter().map(|x| x * x).sum::<f32>()).fold(0.0, f32::max) + 1.0;
    let step = 1.0 / (0.5 * largest + penalty);
    let mut w = vec![0.0_f32; classes * width];
    let mut ahead = w.clone();
    for iteration in 0..iterations {
        let gradient = gradient(rows, &ahead, classes, width, total, penalty);
        let mut next: Vec<f32> = ahead.iter().zip(&gradient).map(|(w, g)| w - step * g).collect();
        bind(&mut next, width, signs);
        let momentum = iteration as f32 / (iteration as f32 + 3.0);
        ahead = next.iter().zip(&w).map(|(next, last)| next + momentum * (next - last)).collect();
        w = next;
    }
    w.chunks(width).map(|row| Fitted { bias: row[width - 1], weights: row[..width - 1].to_vec() }).collect()
}

fn bind(w: &mut [f32], width: usize, signs: &[i8]) {
    for (at, &sign) in signs.iter().enumerate() {
        if (w[width + at] - w[at]) * f32::from(sign) < 0.0 {
            let mean = (w[width + at] + w[at]) / 2.0;
            (w[at], w[width + at]) = (mean, mean);
        }
    }
}

fn gradient(rows: &[Row], w: &[f32], classes: usize, width: usize, total: f32, penalty: f32) -> Vec<f32> {
    let mut gradient = vec![0.0_f32; w.len()];
    let mut p = vec![0.0_f32; classes];
    for row in rows {
        for (class, p) in p.iter_mut().enumerate() {
            let w = &w[class * width..][..width];
            *p = w[width - 1] + row.x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>();
        }
        let max = p.iter().copied().fold(f32::MIN, f32::max);
        p.iter_mut().for_each(|p| *p = (*p - max).exp());
        let sum: f32 = p.iter().sum();
        for (class, p) in p.iter().enumerate() {
            let error = (p / sum - f32::from(u8::from(class == row.y))) * row.weight / total;
            let gradient = &mut gradient[class * width..][..width];
            gradient[width - 1] += error;
            gradient.iter_mut().zip(&row.x).for_each(|(g, x)| *g += error * x);
        }
    }
    for (at, g) in gradient.iter_mut().enumerate() {
        if at % width != width - 1 {
            *g += penalty * w[at];
        }
    }
    gradient
}

/// Mean and deviation of each feature.
pub fn standardise(rows: &[Row]) -> (Vec<f32>, Vec<f32>) {
    let n = rows.len() as f32;
    let width = rows[0].x.len();
    let mean: Vec<f32> = (0..width).map(|at| rows.iter().map(|row| row.x[at]).sum::<f32>() / n).collect();
    let deviation = (0..width)
        .map(|at| (rows.iter().map(|row| (row.x[at] - mean[at]).powi(2)).sum::<f32>() / n).sqrt().max(1e-6))
        .collect();
    (mean, deviation)
}
