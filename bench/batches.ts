/** Calls under way at once, as in the project's other figures; also the commands of one pipeline. */
export const AT_ONCE = 50;

/** Makes so many calls, AT_ONCE of them under way at any time. */
export async function rolling(operations: number, call: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < operations) await call(next++);
    }),
  );
}

/** Makes so many calls in batches of AT_ONCE, each of which is sent as one. */
export async function batched(operations: number, call: (index: number) => Promise<unknown>, flush: () => Promise<void>): Promise<void> {
  for (let first = 0; first < operations; first += AT_ONCE) {
    const calls = Array.from({ length: Math.min(AT_ONCE, operations - first) }, (_, i) => call(first + i));
    await flush();
    await Promise.all(calls);
  }
}

/** A user id of 12 characters. */
export const userId = (index: number, round: number) => `u${String(round).padStart(3, '0')}${String(index).padStart(8, '0')}`;
