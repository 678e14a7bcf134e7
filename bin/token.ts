import { join } from 'node:path';
import { Command } from 'commander';
import { folder, wholeNumber } from '../bench/option-values.ts';
import { mintToken, readAuth, TOKEN_SECONDS } from '../local/auth-file.ts';
import { firstLine } from '../local/failure.ts';

const SECONDS_MAX = 365 * 24 * 3600;
const DATA_DIR = join(import.meta.dirname, '..', '.local');

interface Options {
  sub?: string;
  scope?: string;
  expires: number;
  operator?: true;
  dataDir: string;
}

const program = new Command('npm run token --')
  .description('Prints a token for a user, or the key of the operator, of a local run that asks for them (npm start -- --auth jwt).')
  .option('--sub <user>', 'the user whom the token names')
  .option('--scope <scopes>', 'what it allows, with spaces between; all that the routes ask for unless given, none with ""')
  .option('--expires <seconds>', 'how long it holds', wholeNumber(1, SECONDS_MAX), TOKEN_SECONDS)
  .option('--operator', "prints the operator's key instead, as curl's --user takes it")
  .option('--data-dir <folder>', 'the data folder of the local run', folder, DATA_DIR);

try {
  program.parse();
  const { sub, scope, expires, operator, dataDir } = program.opts<Options>();
  if ((sub === undefined) === (operator === undefined)) program.error('error: say either --sub <user> or --operator');
  const auth = readAuth(dataDir);
  const scopes = scope?.split(' ').filter((entry) => entry !== '') ?? auth.scopes;
  const { accessKeyId, secretAccessKey } = auth.operator;
  console.log(operator ? `${accessKeyId}:${secretAccessKey}` : await mintToken(auth, sub ?? '', scopes, expires));
} catch (error) {
  console.error(firstLine(error));
  process.exitCode = 1;
}
