import type { Admit } from './admission.ts';
import type { Admission } from './api-template.ts';
import { provideAuth, type Auth } from './auth-file.ts';
import { Failure } from './failure.ts';
import { signatureCheck } from './signature-check.ts';
import { tokenCheck } from './token-check.ts';
import { startTokenIssuer } from './token-issuer.ts';

/** The authorizers of an API. */
export interface Gate {
  /** The keys that open it; `undefined` if every route is open to anyone. */
  auth: Auth | undefined;
  /** What decides over the requests of a route; `undefined` if anyone may call it. */
  admitOf(admission: Admission): Admit | undefined;
  stop: () => void;
}

const OPEN: Gate = { auth: undefined, admitOf: () => undefined, stop: () => undefined };

/**
 * Prepares what routes ask of their callers, with keys that are kept in the data folder.
 * @throws Failure if tokens of several issuers are asked for, or the keys can't be read
 */
export async function openGate(routes: readonly { admission: Admission }[], dataDir: string): Promise<Gate> {
  if (routes.every(({ admission }) => admission.kind === 'anyone')) return OPEN;
  const rules = routes.flatMap(({ admission }) => (admission.kind === 'token' ? [admission] : []));
  const issuer = rules[0]?.issuer ?? '';
  if (rules.some((rule) => rule.issuer !== issuer)) throw new Failure('The local run stands in for one issuer of tokens only: change the stack.');
  const scopes = [...new Set(rules.flatMap((rule) => rule.scopes))];
  const auth = await provideAuth(dataDir, { issuer, audience: rules[0]?.audience ?? [], scopes });
  const { keys, stop } = await startTokenIssuer(auth);
  const bySignature = signatureCheck(auth.operator);
  return {
    auth,
    admitOf: (admission) => {
      if (admission.kind === 'anyone') return undefined;
      return admission.kind === 'signature' ? bySignature : tokenCheck(admission, keys);
    },
    stop,
  };
}
