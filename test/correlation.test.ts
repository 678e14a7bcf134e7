import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { settled, systemForFile, uniquePromotionId, users } from './system-for-tests.ts';

const on = systemForFile();

interface Line {
  message?: string;
  promotionId?: string;
  correlationId?: string;
  lastTicket?: number;
  users?: number;
  completed?: number;
}

/** What a function has logged about a promotion, once its lines tell of so many users. */
async function linesOf(name: string, promotionId: string, message: string, told: 'users' | 'completed', count: number): Promise<Line[]> {
  let lines: Line[] = [];
  await expect
    .poll(async () => {
      const text = await readFile(path.join(on.dataDir, 'logs', `${name}.log`), 'utf8');
      const all = text.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as Line] : []));
      lines = all.filter((line) => line.promotionId === promotionId && line.message === message);
      return lines.reduce((sum, line) => sum + (line[told] ?? 0), 0);
    })
    .toBe(count);
  return lines;
}

test('a batch is followed by its correlation id from the loop to the issuer, and a user by the ticket, without a user id in any line', async () => {
  const p = uniquePromotionId();
  await on.api.initStock(p, 50);
  await on.api.control(p, 'pause');
  await Promise.all(users(33).map((user) => on.api.join(p, `person-${user}`)));
  await on.api.control(p, 'resume');
  await settled(on.redis, p);
  const admitted = await linesOf('drain-loop', p, 'A batch was admitted', 'users', 33);
  const issued = await linesOf('issuer', p, 'A message was issued', 'completed', 33);
  expect(admitted.length).toBeGreaterThan(1);
  expect(new Set(admitted.map(({ correlationId }) => correlationId)).size).toBe(admitted.length);
  let lastTicket = 0;
  for (const batch of admitted) {
    lastTicket += batch.users ?? 0;
    expect(batch.lastTicket).toBe(lastTicket);
    expect(issued.filter(({ correlationId }) => correlationId === batch.correlationId)).toMatchObject([{ completed: batch.users }]);
  }
  expect(JSON.stringify([...admitted, ...issued])).not.toContain('person-');
});
