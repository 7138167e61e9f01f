/**
 * A round pen on a small sheet of pixels. It computes with +, −, ×, ÷ and √ only, which IEEE 754 rounds correctly, so
 * the bytes are reproducible on every engine.
 */
export class Pen {
  readonly #height: number;
  readonly #width: number;
  /** Signed distance of each pixel's centre from the edge of the ink, in pixels; negative inside. */
  readonly #distance: Float64Array;

  constructor(height: number, width: number) {
    this.#height = height;
    this.#width = width;
    this.#distance = new Float64Array(height * width);
    this.lift();
  }

  /** Clears the sheet. */
  lift(): void {
    this.#distance.fill(Number.MAX_VALUE);
  }

  /**
   * Draws a straight line from (x0, y0) to (x1, y1) with round ends.
   * @param radius half the width of the line
   * @param reach distance from the edge up to which distances are computed: half the softness of `ink`
   */
  line(x0: number, y0: number, x1: number, y1: number, radius: number, reach: number): void {
    const dx = x1 - x0;
    const dy = y1 - y0;
    const inverse = 1 / (dx * dx + dy * dy + 1e-12);
    const margin = radius + reach;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - margin));
    const right = Math.min(this.#width - 1, Math.floor(Math.max(x0, x1) + margin));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - margin));
    const bottom = Math.min(this.#height - 1, Math.floor(Math.max(y0, y1) + margin));
    const distance = this.#distance;
    for (let row = top; row <= bottom; row++) {
      const py = row + 0.5 - y0;
      for (let column = left; column <= right; column++) {
        const px = column + 0.5 - x0;
        // Position of the nearest point on the line, from 0 to 1.
        const along = (px * dx + py * dy) * inverse;
        const t = Math.max(0, Math.min(along, 1));
        const ex = px - t * dx;
        const ey = py - t * dy;
        const squared = ex * ex + ey * ey;
        if (squared > margin * margin) continue;
        const edge = Math.sqrt(squared) - radius;
        const at = row * this.#width + column;
        if (edge < distance[at]!) distance[at] = edge;
      }
    }
  }

  /**
   * Writes the sheet as bytes, row-major.
   * @param softness pixels over which the edge of the ink fades
   * @param blackness value of full ink, up to 255
   */
  ink(softness: number, blackness: number, out: Uint8Array): void {
    const slope = 1 / softness;
    const distance = this.#distance;
    for (let i = 0; i < distance.length; i++) {
      const coverage = 0.5 - distance[i]! * slope;
      out[i] = coverage <= 0 ? 0 : Math.floor(blackness * Math.min(coverage, 1) + 0.5);
    }
  }
}
