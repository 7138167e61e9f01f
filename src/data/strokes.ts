/**
 * The skeletons of the embedded digits, drawn for this project. Each digit has a few variants; a variant is some
 * strokes of a pen; a stroke is a list of knots, in the order of writing, that a smooth line goes through.
 */

/** A point of the pen's path: x grows to the right and y downward; a digit is about one unit high. */
export interface Knot {
  readonly x: number;
  readonly y: number;
  /** The pen turns here instead of bending. */
  readonly isCorner: boolean;
}
export type Stroke = readonly Knot[];
export type Skeleton = readonly Stroke[];

/** Knots as `x,y` in hundredths of a unit; `^` marks a corner. */
function stroke(knots: string): Stroke {
  return knots.split(" ").map((knot) => {
    const [x, y] = knot.replace("^", "").split(",").map(Number) as [number, number];
    return { x: x / 100, y: y / 100, isCorner: knot.endsWith("^") };
  });
}

/** `SKELETONS[digit][variant]` */
export const SKELETONS: readonly (readonly Skeleton[])[] = [
  // 0
  [
    [stroke("56,1 29,11 16,48 28,88 52,100 76,87 86,50 74,12 50,2")],
    [stroke("66,6 42,6 24,34 22,74 42,99 66,88 78,54 72,18 48,4 34,12")],
  ],
  // 1
  [
    [stroke("50,0 50,34 50,67 50,100")],
    [stroke("32,22 44,12 54,0^ 54,50 53,100")],
    [stroke("30,20 42,12 52,0^ 52,50 51,98"), stroke("24,99 50,98 78,98")],
  ],
  // 2
  [
    [stroke("20,24 32,6 55,0 76,12 75,35 56,62 36,82 17,99^ 50,97 86,97")],
    [stroke("20,20 40,2 68,6 76,28 60,58 38,86 20,95 15,84 30,77 52,89 70,99 90,91")],
  ],
  // 3
  [
    [stroke("20,13 42,0 68,8 71,27 56,43 38,47^ 64,52 80,71 68,93 42,100 16,89")],
    [stroke("20,3 50,2 78,2^ 61,21 44,40^ 69,46 80,69 66,94 38,100 16,88")],
    [stroke("24,8 50,0 70,14 62,34 42,46 36,50 46,51 72,60 76,82 54,100 20,94")],
  ],
  // 4
  [
    [stroke("26,2 20,30 15,56^ 50,57 88,54"), stroke("70,6 67,50 63,100")],
    [stroke("64,0^ 40,32 14,66^ 50,66 90,64"), stroke("64,0 63,50 62,100")],
    [stroke("20,6 17,35 27,52 50,53 72,44"), stroke("76,2 73,50 70,100")],
  ],
  // 5
  [
    [stroke("80,2 56,2 32,3^ 28,23 23,44^ 48,38 73,48 80,70 64,93 38,100 16,90")],
    [stroke("34,6 30,25 30,42 50,43 72,54 74,77 56,96 30,100 14,90"), stroke("34,6 57,4 84,0")],
  ],
  // 6
  [
    [stroke("70,0 44,18 26,48 22,76 38,97 62,97 78,80 70,58 48,54 30,66 23,80")],
    [stroke("46,0 33,30 25,62 31,90 52,100 74,87 74,67 55,58 35,68 29,84")],
  ],
  // 7
  [
    [stroke("16,6 50,4 84,3^ 62,46 42,100")],
    [stroke("16,5 50,3 82,2^ 63,46 44,100"), stroke("32,54 56,52 80,50")],
    [stroke("17,22 19,7^ 48,8 72,2 82,7 68,42 52,70 46,100")],
  ],
  // 8
  [
    [stroke("72,14 50,0 28,11 30,31 52,47 74,66 73,88 50,100 26,88 27,67 50,47 70,29 70,11")],
    [stroke("52,46 30,38 28,13 50,0 72,12 70,37 50,46 25,60 22,86 50,100 78,86 75,60 52,46")],
  ],
  // 9
  [
    [stroke("75,18 55,2 31,10 24,32 40,48 62,41 76,14^ 73,52 67,100")],
    [stroke("72,12 50,0 28,13 27,37 48,47 70,34 76,14 77,42 70,78 52,98 26,95")],
    [stroke("68,8 42,4 24,24 36,43 58,36 72,10 68,44 54,74 42,100")],
  ],
];
