/** The part of `count` that belongs to worker `rank` of `size`: sizes differ by one at most. */
export function share(count: number, rank: number, size: number): readonly [from: number, to: number] {
  return [Math.floor((count * rank) / size), Math.floor((count * (rank + 1)) / size)];
}

/** The same for items of unequal cost: cuts where the sum of costs comes closest to equal parts. */
export function shareByCost(
  costs: readonly number[],
  rank: number,
  size: number,
): readonly [from: number, to: number] {
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const cut = (part: number): number => {
    const goal = (total * part) / size;
    let sum = 0;
    let index = 0;
    while (index < costs.length && sum + costs[index] / 2 < goal) sum += costs[index++];
    return index;
  };
  return [rank === 0 ? 0 : cut(rank), rank === size - 1 ? costs.length : cut(rank + 1)];
}
