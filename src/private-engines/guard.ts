/**
 * Runs a shell command should this process die before `dismiss`, however it dies: the guard reads a pipe whose other end
 * is ours, and that closes with us.
 */
export function ifWeDie(command: string): { dismiss(): void } {
  const guard = Bun.spawn(['sh', '-c', `read -r _; ${command}`], {
    // Out of reach of a Ctrl-C or a kill that is meant for our process group.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // It never keeps this process from ending.
  guard.unref();
  return { dismiss: () => guard.kill('SIGKILL') };
}
