import { attachStrace } from './strace.ts';

const SYNCS = 'fsync,fdatasync';

/** Lets every sync of a running process fail with EIO, as a disk that is going does, until disposed of. */
export function failSyncs(pid: number): Promise<AsyncDisposable> {
  return attachStrace(pid, ['-f', '-e', `trace=${SYNCS}`, '-e', `inject=${SYNCS}:error=EIO`]);
}
