import { philox, seedKey } from "../random/philox.ts";
import { PURPOSE } from "../random/purpose.ts";
import { uniform } from "../random/uniform.ts";
import type { Split } from "./dataset.ts";
import { Pen } from "./pen.ts";
import { SKELETONS, type Stroke } from "./strokes.ts";

/**
 * The embedded dataset: handwriting-like digits drawn from the skeletons of strokes.ts. Image i is a pure function of
 * (seed, i) and bitwise reproducible on every engine: the arithmetic is exact, with no sine or exponential, which
 * engines round differently.
 */
const TRAIN_COUNT = 60_000;
const TEST_COUNT = 10_000;
const SIDE = 28;
const PIXELS = SIDE * SIDE;

/** Third word of the counter: the use of an image's random numbers. */
const DRAWING = 0;
const LABELS = 1;

/** Straight lines between two knots: about a pixel each, so no angle shows. */
const LINES_PER_SPAN = 3;
/** Capacity in points; the longest skeleton needs fewer. */
const MOST_POINTS = 128;

/** Variation of handwriting: the largest deviations, drawn from triangular distributions. */
const SPREAD = {
  /** Of each knot, in digit heights. */
  wobble: 0.07,
  /** Of the bow of the whole digit, in digit heights. */
  bend: 0.1,
  /** Shear: how far the top leans to the right, per height, around `LEAN`. */
  slant: 0.48,
  /** Tangent of half the angle of rotation. */
  rotation: 0.1,
  /** Factor of the width, around 1. */
  aspect: 0.35,
  /** Of the longer side from `SIZE`, in pixels. */
  size: 2.2,
  /** Of the centre, in pixels each way. */
  position: 1.6,
  /** Factor of the pen's radius from the first to the last stroke. */
  pressure: 0.3,
} as const;
const LEAN = 0.1;
const SIZE = 19;
const LEAST_RADIUS = 0.7;
const MOST_RADIUS = 1.6;
const LEAST_SOFTNESS = 1;
const MOST_SOFTNESS = 1.5;
const LEAST_BLACKNESS = 225;
const MOST_BLACKNESS = 255;

/**
 * The two splits of the digits: 60 000 and 10 000 images of 28 × 28 bytes, 0 is paper and 255 is ink, with labels 0–9.
 * Ten consecutive images, from any multiple of ten, have each digit once.
 * @throws {ConfigError} when the seed is not an integer from 0 to 2⁵³ − 1
 */
export function digitsSplits(seed = 0): { readonly train: Split; readonly test: Split } {
  return { train: drawDigits(seed, 0, TRAIN_COUNT), test: drawDigits(seed, TRAIN_COUNT, TEST_COUNT) };
}

/** Images `first` … `first + count − 1` of the endless series of a seed. */
export function drawDigits(seed: number, first: number, count: number): Split {
  const values = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  const hand = new Hand(seed);
  for (let i = 0; i < count; i++) {
    labels[i] = hand.label(first + i);
    hand.write(first + i, labels[i]!, values.subarray(i * PIXELS, (i + 1) * PIXELS));
  }
  return { values, count, dim: PIXELS, shape: [SIDE, SIDE], labels };
}

/** Draws one image after another, without allocations. */
class Hand {
  readonly #random: Draws;
  readonly #pen = new Pen(SIDE, SIDE);
  readonly #labels = new Uint8Array(10);
  #labelsOf = -1;
  readonly #knots = new Float64Array(MOST_POINTS);
  readonly #x = new Float64Array(MOST_POINTS);
  readonly #y = new Float64Array(MOST_POINTS);
  #points = 0;
  /** Index of each stroke's first point. */
  readonly #starts: number[] = [];

  constructor(seed: number) {
    this.#random = new Draws(seed);
  }

  /** Ten images are a shuffle of the ten digits. */
  label(image: number): number {
    const ten = Math.floor(image / 10);
    if (ten !== this.#labelsOf) {
      this.#labelsOf = ten;
      this.#random.begin(ten, LABELS);
      for (let i = 0; i < 10; i++) this.#labels[i] = i;
      for (let i = 9; i > 0; i--) {
        const other = this.#random.index(i + 1);
        const value = this.#labels[i]!;
        this.#labels[i] = this.#labels[other]!;
        this.#labels[other] = value;
      }
    }
    return this.#labels[image % 10]!;
  }

  /** @param out [28 × 28] */
  write(image: number, digit: number, out: Uint8Array): void {
    const random = this.#random;
    random.begin(image, DRAWING);
    const variants = SKELETONS[digit]!;
    const skeleton = variants[random.index(variants.length)]!;
    this.#points = 0;
    this.#starts.length = 0;
    for (const stroke of skeleton) this.#trace(stroke);
    this.#distort();
    this.#place();
    this.#draw(out);
  }

  /** Moves each knot of a stroke a little and appends the points of a smooth line through them. */
  #trace(stroke: Stroke): void {
    const random = this.#random;
    const knots = this.#knots;
    stroke.forEach(({ x, y }, i) => {
      knots[2 * i] = x + SPREAD.wobble * random.triangular();
      knots[2 * i + 1] = y + SPREAD.wobble * random.triangular();
    });
    this.#starts.push(this.#points);
    this.#append(knots[0]!, knots[1]!);
    for (let i = 0; i + 1 < stroke.length; i++) {
      // The line leaves a knot in the direction of its neighbours' chord, or straight ahead at corners and ends.
      const before = i === 0 || stroke[i]!.isCorner ? i : i - 1;
      const after = i + 2 === stroke.length || stroke[i + 1]!.isCorner ? i + 1 : i + 2;
      for (let step = 1; step <= LINES_PER_SPAN; step++) {
        const t = step / LINES_PER_SPAN;
        this.#append(
          catmullRom(knots[2 * before]!, knots[2 * i]!, knots[2 * i + 2]!, knots[2 * after]!, t),
          catmullRom(knots[2 * before + 1]!, knots[2 * i + 1]!, knots[2 * i + 3]!, knots[2 * after + 1]!, t),
        );
      }
    }
  }

  #append(x: number, y: number): void {
    this.#x[this.#points] = x;
    this.#y[this.#points] = y;
    this.#points++;
  }

  /** Bends, narrows, slants and rotates the digit around its centre. */
  #distort(): void {
    const random = this.#random;
    const bendX = SPREAD.bend * random.triangular();
    const bendY = SPREAD.bend * random.triangular();
    const aspect = 1 + SPREAD.aspect * random.triangular();
    const slant = LEAN + SPREAD.slant * random.triangular();
    // Sine and cosine by the tangent of half the angle.
    const tangent = SPREAD.rotation * random.triangular();
    const cosine = (1 - tangent * tangent) / (1 + tangent * tangent);
    const sine = (2 * tangent) / (1 + tangent * tangent);
    for (let i = 0; i < this.#points; i++) {
      const u = this.#x[i]! - 0.5;
      const v = this.#y[i]! - 0.5;
      const x = aspect * (u + bendX * (4 * v * v - 0.5)) - slant * v;
      const y = v + bendY * (4 * u * u - 0.5);
      this.#x[i] = cosine * x - sine * y;
      this.#y[i] = sine * x + cosine * y;
    }
  }

  /** Scales the digit to a size in pixels by its longer side, as MNIST does, and moves it near the centre. */
  #place(): void {
    const random = this.#random;
    let left = this.#x[0]!;
    let right = left;
    let top = this.#y[0]!;
    let bottom = top;
    for (let i = 1; i < this.#points; i++) {
      left = Math.min(left, this.#x[i]!);
      right = Math.max(right, this.#x[i]!);
      top = Math.min(top, this.#y[i]!);
      bottom = Math.max(bottom, this.#y[i]!);
    }
    const scale = (SIZE + SPREAD.size * random.triangular()) / Math.max(right - left, bottom - top);
    const shiftX = SIDE / 2 + SPREAD.position * random.triangular() - (scale * (left + right)) / 2;
    const shiftY = SIDE / 2 + SPREAD.position * random.triangular() - (scale * (top + bottom)) / 2;
    for (let i = 0; i < this.#points; i++) {
      this.#x[i] = scale * this.#x[i]! + shiftX;
      this.#y[i] = scale * this.#y[i]! + shiftY;
    }
  }

  #draw(out: Uint8Array): void {
    const random = this.#random;
    const pen = this.#pen;
    const radius = random.between(LEAST_RADIUS, MOST_RADIUS);
    const pressure = SPREAD.pressure * random.triangular();
    const softness = random.between(LEAST_SOFTNESS, MOST_SOFTNESS);
    const blackness = random.between(LEAST_BLACKNESS, MOST_BLACKNESS);
    pen.lift();
    let stroke = 0;
    for (let i = 1; i < this.#points; i++) {
      if (i === this.#starts[stroke + 1]) {
        stroke++;
        continue;
      }
      const width = radius * (1 + pressure * ((2 * i) / this.#points - 1));
      pen.line(this.#x[i - 1]!, this.#y[i - 1]!, this.#x[i]!, this.#y[i]!, width, softness / 2);
    }
    pen.ink(softness, blackness, out);
  }
}

/** The cubic through b (t = 0) and c (t = 1) whose slopes there are half of c − a and of d − b. */
function catmullRom(a: number, b: number, c: number, d: number, t: number): number {
  const linear = c - a;
  const quadratic = 2 * a - 5 * b + 4 * c - d;
  const cubic = 3 * b - a - 3 * c + d;
  return b + 0.5 * t * (linear + t * (quadratic + t * cubic));
}

/** The sequence of random numbers of one image. */
class Draws {
  readonly #key: readonly [number, number];
  readonly #words = new Uint32Array(4);
  #row = 0;
  #use = 0;
  #drawn = 0;

  constructor(seed: number) {
    this.#key = seedKey(seed);
  }

  begin(row: number, use: number): void {
    this.#row = row;
    this.#use = use;
    this.#drawn = 0;
  }

  #word(): number {
    const at = this.#drawn++;
    if (at % 4 === 0) {
      philox([at / 4, this.#row, this.#use, PURPOSE.digits], this.#key, this.#words);
    }
    return this.#words[at % 4]!;
  }

  /** An integer in [0, n). */
  index(n: number): number {
    return Math.floor(uniform(this.#word()) * n);
  }

  between(least: number, most: number): number {
    return least + (most - least) * uniform(this.#word());
  }

  /** In (−1, 1), most often near 0: the sum of the two halves of a word. */
  triangular(): number {
    const word = this.#word();
    return ((word >>> 16) + (word & 0xffff)) / 0x10000 - (1 - 2 ** -16);
  }
}
