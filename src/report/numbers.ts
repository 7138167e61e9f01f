/** Numbers as people read them. */
import type { EpochMetrics } from "../train/metrics.ts";

/**
 * The line for people: `Epoch 1, Loss: 187.3, test 169.1, 41 200 images/s`. Below 80 columns for any numbers that a run
 * can have.
 */
export function epochLine({ epoch, trainLoss, testLoss, imagesPerSecond }: EpochMetrics): string {
  const test = testLoss === null ? "" : `, test ${lossText(testLoss)}`;
  return `Epoch ${epoch}, Loss: ${lossText(trainLoss)}${test}, ${rateText(imagesPerSecond)} images/s`;
}

/** Four digits, or one after the point: finer differences are within what a change of seed does. */
export function lossText(loss: number): string {
  const size = Math.abs(loss);
  if (size >= 1e7) return loss.toExponential(3);
  return size >= 100 ? loss.toFixed(1) : loss.toPrecision(4);
}

/** Three digits, as no clock repeats more, in groups of three. */
export function rateText(rate: number): string {
  const rounded = Number(rate.toPrecision(3));
  return rounded < 1000 ? String(rounded) : groupDigits(rounded);
}

/** A whole number in groups of three: `41 200`. */
export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, " ");
}
