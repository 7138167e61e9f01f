/**
 * The few words that the workers and the main thread share: the barrier, two requests from outside, and how far the
 * run has come. Words that many spin on stand on cache lines of their own.
 */
export const CONTROL_BYTES = 512;

/** Indices of 32-bit words. */
export const WORD = {
  /** Workers that wait at the barrier. */
  arrived: 0,
  /** How often the barrier has opened. */
  generation: 16,
  /** Workers that sleep instead of spinning. */
  sleepers: 17,
  /** 1: the run is over, whoever waits must throw. */
  abort: 32,
  /** 1: please stop after the step. */
  stop: 33,
  /** 1: all agreed to stop after the step that has just ended. */
  halted: 34,
  /** Steps of this epoch that are done. */
  step: 48,
  /** Steps that were done when the loss stopped being finite, counted from 1; 0 while all is well. */
  diverged: 49,
} as const;

/** Indices of float64s: the epoch's sums over rows, in nats. */
export const SUM = { reconstruction: 32, kl: 33 } as const;

export interface Control {
  readonly words: Int32Array;
  readonly sums: Float64Array;
}

export function controlViews(buffer: ArrayBufferLike, at: number): Control {
  return {
    words: new Int32Array(buffer, at, CONTROL_BYTES / 4),
    sums: new Float64Array(buffer, at, CONTROL_BYTES / 8),
  };
}
