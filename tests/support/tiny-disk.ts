import { runToEnd } from './command.ts';
import { temporaryFolder } from './folder.ts';

/** Null when a file system can be mounted here; else why not. */
export const whyNoTinyDisk: string | null = await tryOne();
if (whyNoTinyDisk !== null) console.log(`tests on a full disk of their own are skipped: ${whyNoTinyDisk}`);

/** A disk of a few KiB. `await using` takes it away. */
export async function tinyDisk(kib: number): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = temporaryFolder();
  const { path } = folder;
  const mounted = await runToEnd(['mount', '-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', path]);
  if (mounted.exit !== 0) {
    folder[Symbol.dispose]();
    throw new Error(mounted.stderr.trim());
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      // Lazily: a killed process may be about to close its last file.
      await runToEnd(['umount', '--lazy', path]);
      folder[Symbol.dispose]();
    },
  };
}

async function tryOne(): Promise<string | null> {
  if (process.platform !== 'linux') return `tmpfs is for Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'only root may mount';
  try {
    await using _disk = await tinyDisk(4);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
