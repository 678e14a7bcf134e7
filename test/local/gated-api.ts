import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Admission } from '../../local/api-template.ts';
import type { Auth } from '../../local/auth-file.ts';
import { openGate, type Gate } from '../../local/gate.ts';
import { startHttpApi, type HttpApi } from '../../local/http-api.ts';

export const ISSUER = 'https://issuer.example.com/pool';
export const byToken: Admission = { kind: 'token', issuer: ISSUER, audience: ['app', 'other-app'], scopes: ['queue/join'] };
const byAnyToken: Admission = { ...byToken, scopes: [] };
const bySignature: Admission = { kind: 'signature' };

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: { message?: string; requestContext?: { authorizer?: unknown } };
}

/** Sends a request with its headers as they are: a list is sent as repeated headers. */
export function send(method: string, url: string, headers: Record<string, string | string[]>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) }, agent: false });
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) as Answer['body'] }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

interface GatedApi {
  api: HttpApi;
  auth: Auth;
  /** What was said of callers who were turned away. */
  refusals: string[];
  /** How many requests reached a function. */
  calls: () => number;
}

/** The gate of a data folder, with routes of each kind in mind. */
export const openGateOf = (dataDir: string): Promise<Gate> => openGate([{ admission: byToken }, { admission: bySignature }], dataDir);

/** An API of the test's own behind a gate, with a route of each kind, whose functions answer the event that they got. */
export async function startGatedApi(gate: Gate): Promise<GatedApi> {
  const refusals: string[] = [];
  let calls = 0;
  const route = (method: string, path: string, admission: Admission) => ({
    method,
    path,
    timeoutMs: 5000,
    admit: gate.admitOf(admission),
    invoke: async (payload: string) => {
      calls += 1;
      return { outcome: 'answered' as const, payload };
    },
  });
  const routes = [route('GET', '/token', byToken), route('GET', '/any-token', byAnyToken), route('POST', '/signed', bySignature), route('GET', '/signed', bySignature)];
  const api = await startHttpApi(routes, 0, { refused: (sentence) => refusals.push(sentence) });
  onTestFinished(() => api.stop(0));
  return { api, auth: gate.auth as Auth, refusals, calls: () => calls };
}

/** One gate for the tests of a file, for its keys take a while to make, and what starts an API behind it. */
export function gatedApiForFile(): () => Promise<GatedApi> {
  let dataDir: string;
  let gate: Gate;
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'coupon-local-gate-'));
    gate = await openGateOf(dataDir);
  });
  afterAll(() => {
    gate.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return () => startGatedApi(gate);
}
