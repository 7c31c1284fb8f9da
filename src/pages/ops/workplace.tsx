/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { DataOf } from '../shapes.ts';
import { OPS } from '../text.ts';
import { Audit } from './audit.tsx';
import { createCatalog } from './catalog.ts';
import { Crowd } from './crowd.tsx';
import { DeadLetters } from './dead-letters.tsx';
import { createFeed } from './feed.ts';
import { HeadLine } from './head-line.tsx';
import { Live } from './live.tsx';
import { Log } from './log.tsx';
import { OperationDialog } from './operation-dialog.tsx';
import { createForms } from './operation-forms.ts';
import { Orders } from './orders.tsx';
import { Products } from './products.tsx';
import { here, linkTo, SECTIONS, type Section } from './route.ts';
import { createRush } from './rush.ts';
import type { Session } from './session.ts';
import type { Tools } from './tools.ts';

/** What a signed-in operator works with: what happens now on top, and one section at a time. */
export function Workplace({ session, data }: { session: Session; data: DataOf<'ops'> }) {
  const tools: Tools = useMemo(() => {
    const { development, serverTime } = data;
    const [catalog, feed] = [createCatalog(session), createFeed(session, serverTime)];
    return { session, catalog, feed, forms: createForms(), rush: createRush(session), development };
  }, [session, data]);
  const isReady = useSignal(false);
  useEffect(() => {
    const { catalog, feed, rush } = tools;
    const first = [
      session.identified(),
      catalog.read(),
      feed.begin(),
      ...(data.development ? [rush.look()] : []),
    ];
    // What is drawn with its first figures does not move when they come.
    void Promise.race([Promise.all(first), wait(PATIENCE_MS)]).then(() => {
      isReady.value = true;
    });
    const ends = [feed.start(), rush.start()];
    return () => {
      for (const end of ends) end();
    };
  }, [tools]);
  const { section } = here.value;
  return (
    <>
      <h1 class="unseen">{OPS.heading}</h1>
      <div class="bar">
        <Sections current={section} development={data.development} />
        <p class="who">
          {isReady.value && <Who session={session} />}
          <button type="button" class="small" onClick={() => session.signOut(OPS.signIn.out)}>
            {OPS.signOut}
          </button>
        </p>
      </div>
      {isReady.value ? (
        <>
          <RoleNote session={session} />
          <HeadLine tools={tools} />
          <Said tools={tools} />
          <Shown section={section} tools={tools} key={section} />
        </>
      ) : (
        <p class="quiet waiting">{OPS.head.waiting}</p>
      )}
      <OperationDialog forms={tools.forms} />
    </>
  );
}

function Who({ session: { me, operator } }: { session: Session }) {
  const who = me.value;
  return (
    <span class="quiet">
      {who?.named ? who.name : operator.value || OPS.operatorWithoutName}
      {who && <span class="role">{OPS.roles.names[who.role]}</span>}
    </span>
  );
}

/** What grey buttons mean, for those to whom some are. */
function RoleNote({ session: { me } }: { session: Session }) {
  if (me.value === null || me.value.role === 'admin') return null;
  return <p class="quiet role-note">{OPS.roles.notes[me.value.role]}</p>;
}

/** Then it is drawn with what there is, and says what cannot be read. */
const PATIENCE_MS = 2_000;

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function Sections({ current, development }: { current: Section; development: boolean }) {
  return (
    <nav aria-label={OPS.sectionsLabel} class="sections">
      {SECTIONS.filter((one) => development || one !== 'crowd').map((one) => (
        <a key={one} href={linkTo(one)} aria-current={one === current ? 'page' : undefined}>
          {OPS.sections[one]}
        </a>
      ))}
    </nav>
  );
}

/** What became of the last operation. */
function Said({
  tools: {
    forms: { said },
  },
}: {
  tools: Tools;
}) {
  return (
    <div role="status" class="said">
      {said.value !== null && (
        <p>
          <span class="good" aria-hidden="true">
            ✓
          </span>{' '}
          {said.value}
          <button
            type="button"
            class="small"
            onClick={() => {
              said.value = null;
            }}
          >
            {OPS.forms.dismiss}
          </button>
        </p>
      )}
    </div>
  );
}

/** The heading has the focus where a section was gone to, so that a screen reader reads on from there. */
function Shown({ section, tools }: { section: Section; tools: Tools }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = OPS.title(OPS.sections[section]);
    if (document.activeElement?.closest('.sections')) heading.current?.focus();
  }, [section]);
  const Section = VIEWS[section];
  return (
    <section aria-labelledby="section" class={`section ${section}`}>
      <h2 id="section" tabIndex={-1} ref={heading}>
        {OPS.sections[section]}
      </h2>
      <Section tools={tools} />
    </section>
  );
}

const VIEWS = {
  live: Live,
  products: Products,
  orders: Orders,
  'dead-letters': DeadLetters,
  log: Log,
  audit: Audit,
  crowd: Crowd,
} satisfies Record<Section, unknown>;
