import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRunningSystem } from '../../bench/running-system.ts';
import { startFakeApi, type FakeApi } from './fake-api.ts';

/** Nobody listens on this port, which needs privileges. */
const NOWHERE = 'http://127.0.0.1:1';
const REDIS_URL = 'redis://127.0.0.1:6379';

let fake: FakeApi;
let dir: string;
let file: string;
beforeEach(async () => {
  fake = await startFakeApi();
  dir = mkdtempSync(path.join(tmpdir(), 'endpoints-'));
  file = path.join(dir, 'endpoints.json');
});
afterEach(() => {
  fake.stop();
  rmSync(dir, { recursive: true });
});
const localRunAt = (apiUrl: string) => writeFileSync(file, JSON.stringify({ apiUrl, redisUrl: REDIS_URL }));

describe('findRunningSystem', () => {
  it('finds the local run, and its Redis', async () => {
    localRunAt(fake.url);
    expect(await findRunningSystem(file)).toEqual({ apiUrl: fake.url, redisUrl: REDIS_URL });
  });

  it('finds none where there is no file, half a file, or one that a killed run left behind', async () => {
    expect(await findRunningSystem(file)).toBeUndefined();
    writeFileSync(file, '{"apiUrl": "http://127');
    expect(await findRunningSystem(file)).toBeUndefined();
    localRunAt(NOWHERE);
    expect(await findRunningSystem(file)).toBeUndefined();
  });

  it('takes the url that it is given, and knows the Redis of it only if it is the local run', async () => {
    expect(await findRunningSystem(file, fake.url)).toEqual({ apiUrl: fake.url, redisUrl: undefined });
    localRunAt(NOWHERE);
    expect(await findRunningSystem(file, fake.url)).toEqual({ apiUrl: fake.url, redisUrl: undefined });
    localRunAt(fake.url);
    expect(await findRunningSystem(file, `${fake.url}/`)).toEqual({ apiUrl: `${fake.url}/`, redisUrl: REDIS_URL });
  });

  it('fails where nobody answers at the url, whatever runs locally', async () => {
    localRunAt(fake.url);
    await expect(findRunningSystem(file, NOWHERE)).rejects.toThrow(`${NOWHERE} does not answer (ECONNREFUSED): check --url`);
  });

  it('fails where something else answers at the url', async () => {
    const other = createServer((_request, response) => response.end('<h1>Welcome</h1>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await expect(findRunningSystem(file, url)).rejects.toThrow(`${url} is not the coupon API`);
    other.close();
  });
});
