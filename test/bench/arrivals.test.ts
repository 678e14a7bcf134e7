import { expect, it } from 'vitest';
import { Arrivals } from '../../bench/arrivals.ts';

it('half of the crowd arrives at once, the others in step with the sale', async () => {
  const arrivals = new Arrivals();
  const arrived: number[] = [];
  const arrive = async (share: number) => {
    await arrivals.arrival(share);
    arrived.push(share);
  };
  const all = Promise.all([0, 0.5, 0.6, 0.75, 0.99].map(arrive));
  const settled = () => new Promise((resolve) => void setImmediate(resolve));
  await settled();
  expect(arrived).toEqual([0, 0.5]);
  arrivals.advance(0.5);
  await settled();
  expect(arrived).toEqual([0, 0.5, 0.6, 0.75]);
  arrivals.advance(0.4);
  await settled();
  expect(arrived).toHaveLength(4);
  arrivals.advance(1);
  await all;
  expect(arrived).toHaveLength(5);
});
