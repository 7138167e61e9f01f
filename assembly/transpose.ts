// Transposes between panels, with columns in the lanes, and blocks of 16 rows of the batch, with the rows in the lanes.
// The backward pass needs both: dW = xᵀ·dy reads rows of dy, dxᵀ = W·dyᵀ reads rows of dyᵀ.

/** Transposes 4×4 floats: rows at `from`, 64 bytes apart, become columns at `to`. */
// @ts-ignore: decorator
@inline
function corner(to: usize, from: usize): void {
  const r0 = v128.load(from), r1 = v128.load(from, 64), r2 = v128.load(from, 128), r3 = v128.load(from, 192);
  const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
  const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(to, v128.shuffle<i64>(low01, low23, 1, 3), 64);
  v128.store(to, v128.shuffle<i64>(high01, high23, 0, 2), 128);
  v128.store(to, v128.shuffle<i64>(high01, high23, 1, 3), 192);
}

/**
 * Transposes `blocks` × `panels` squares of 16×16 floats, each contiguous. A stride is the bytes to the next block of
 * 16 rows or to the next panel.
 */
export function transpose(
  to: usize, toBlock: usize, toPanel: usize, from: usize, fromBlock: usize, fromPanel: usize,
  blocks: i32, panels: i32,
): void {
  for (let block = 0; block < blocks; block++) {
    let target = to + usize(block) * toBlock;
    let source = from + usize(block) * fromBlock;
    for (let panel = 0; panel < panels; panel++) {
      for (let i: usize = 0; i < 4; i++) {
        for (let j: usize = 0; j < 4; j++) {
          corner(target + j * 256 + i * 16, source + i * 256 + j * 16);
        }
      }
      target += toPanel;
      source += fromPanel;
    }
  }
}
