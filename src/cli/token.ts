import { SignJWT } from 'jose';
import { readAuth } from '../config.ts';
import { ROLES, type Role } from '../domain/operator.ts';
import { GUEST } from '../http/buyers/session-token.ts';
import { digestOf } from '../http/named-operators.ts';
import { ACTOR_EXPECTED, isActor } from '../http/operator-request.ts';
import { readFlags, UsageError } from './flags.ts';
import { printHelp } from './help.ts';

const TOKEN_BYTES = 32;

const FLAGS = {
  customer: { kind: 'text', what: 'a customer' },
  operator: { kind: 'text', what: 'an operator' },
  role: { kind: 'choice', of: ROLES, default: 'viewer' },
  minutes: { kind: 'integer', min: 1, max: 43_200, default: 60 },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart token: an operator's token, or a buyer's for trying out, as a shop would sign it

  --operator NAME   an operator: prints a new token, and its entry for PULSECART_OPERATORS_FILE
  --role ROLE       what the operator may do: viewer (default), operator or admin

  --customer NAME   a buyer
  --minutes N       how long a buyer's token lasts: 60, up to 43200

The entry has the token's SHA-256 alone: the token itself is printed once, and kept nowhere. A buyer's is signed with
PULSECART_AUTH_SECRET, and with the issuer, the audience and the claim that are set. In production mode the shop alone signs those.
Example: pulsecart token --operator grace --role operator`;

export async function tokenCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  if (flags.operator !== undefined && flags.customer !== undefined)
    throw new UsageError('--operator and --customer exclude each other: a token is for one of them');
  if (flags.operator !== undefined) {
    if (flags.minutes !== FLAGS.minutes.default)
      throw new UsageError(
        "--minutes is for a buyer's token: an operator's lasts until its entry is taken away",
      );
    return printOperator(flags.operator, flags.role);
  }
  if (flags.role !== FLAGS.role.default) throw new UsageError('--role needs --operator: buyers have no role');
  if (!flags.customer) throw new UsageError('--customer is missing: whom the token is for, such as ada');
  if (flags.customer.startsWith(GUEST))
    throw new UsageError(`--customer must not begin with ${GUEST}, which is for guests`);
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

/** The token for the person, and for the file what it is recognized by. */
function printOperator(name: string, role: Role): number {
  if (!isActor(name)) {
    throw new UsageError(`--operator takes ${ACTOR_EXPECTED}`);
  }
  const token = Buffer.from(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))).toString('hex');
  console.log(`token  ${token}`);
  console.log(`entry  ${JSON.stringify({ name, role, tokenSha256: digestOf(token) })}`);
  return 0;
}
