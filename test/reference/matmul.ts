/**
 * The dense layer in float64: three nested loops, nothing clever. All matrices are row-major:
 * x is [batch, k], w is [k, n], b is [n], y is [batch, n].
 */

export type Numbers = ArrayLike<number>;

/** y = x·w + b, [batch, n]; without b, y = x·w. */
export function matmulForward(
  x: Numbers,
  w: Numbers,
  b: Numbers | undefined,
  batch: number,
  k: number,
  n: number,
): Float64Array {
  const y = new Float64Array(batch * n);
  for (let row = 0; row < batch; row++) {
    for (let col = 0; col < n; col++) {
      let sum = b ? b[col] : 0;
      for (let i = 0; i < k; i++) sum += x[row * k + i] * w[i * n + col];
      y[row * n + col] = sum;
    }
  }
  return y;
}

/** dx = dy·wᵀ, [batch, k], for dy [batch, n] and w [k, n]. */
export function matmulBackwardInput(
  dy: Numbers,
  w: Numbers,
  batch: number,
  k: number,
  n: number,
): Float64Array {
  const dx = new Float64Array(batch * k);
  for (let row = 0; row < batch; row++) {
    for (let i = 0; i < k; i++) {
      let sum = 0;
      for (let col = 0; col < n; col++) sum += dy[row * n + col] * w[i * n + col];
      dx[row * k + i] = sum;
    }
  }
  return dx;
}

/** dw = xᵀ·dy, [k, n], for x [batch, k] and dy [batch, n]. */
export function matmulBackwardWeight(
  x: Numbers,
  dy: Numbers,
  batch: number,
  k: number,
  n: number,
): Float64Array {
  const dw = new Float64Array(k * n);
  for (let i = 0; i < k; i++) {
    for (let col = 0; col < n; col++) {
      let sum = 0;
      for (let row = 0; row < batch; row++) sum += x[row * k + i] * dy[row * n + col];
      dw[i * n + col] = sum;
    }
  }
  return dw;
}

/** db = the sum of dy's rows, [n], for dy [batch, n]. */
export function columnSums(dy: Numbers, batch: number, n: number): Float64Array {
  const db = new Float64Array(n);
  for (let row = 0; row < batch; row++) {
    for (let col = 0; col < n; col++) db[col] += dy[row * n + col];
  }
  return db;
}

/** The transpose [cols, rows] of a [rows, cols] matrix: PyTorch's [out, in] weights and our [in, out] ones. */
export function transpose(a: Numbers, rows: number, cols: number): Float64Array {
  const t = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) t[j * rows + i] = a[i * cols + j];
  }
  return t;
}
