import { SignJWT } from 'jose';
import { readAuth } from '../config.ts';
import { readFlags, UsageError } from './flags.ts';
import { printHelp } from './help.ts';

const FLAGS = {
  customer: { kind: 'text', what: 'a customer' },
  minutes: { kind: 'integer', min: 1, max: 43_200, default: 60 },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart token: a buyer's token for trying out, as a shop would sign it

  --customer NAME   whom it is for
  --minutes N       how long it lasts: 60, up to 43200

Signed with PULSECART_AUTH_SECRET, and with the issuer, the audience and the claim that are set. In production mode the shop alone
signs tokens.
Example: pulsecart token --customer ada`;

export async function tokenCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  if (!flags.customer) throw new UsageError('--customer is missing: whom the token is for, such as ada');
  const { mode, auth } = readAuth(process.env);
  if (mode === 'production') {
    throw new UsageError('Production mode: the shop signs the tokens of its buyers, and no command does');
  }
  if (auth === null || !('secret' in auth.key)) {
    throw new UsageError(
      'There is no key to sign with: set PULSECART_AUTH_SECRET, for the server and here, to at least 32 characters',
    );
  }
  const token = new SignJWT({ [auth.claim]: flags.customer })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime(`${flags.minutes} minutes`);
  if (auth.issuer !== null) token.setIssuer(auth.issuer);
  if (auth.audience !== null) token.setAudience(auth.audience);
  console.log(await token.sign(new TextEncoder().encode(auth.key.secret)));
  return 0;
}
