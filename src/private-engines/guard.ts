/**
 * Runs a shell command should this process die before `dismiss`, however it dies: the guard reads a pipe whose other end
 * is ours, and that closes with us. It is a grandchild, because under `--no-orphans` Bun's children die with it; and the
 * child waits for it, because Bun closes the pipe when the child ends.
 */
export function ifWeDie(command: string): { dismiss(): void } {
  const guard = Bun.spawn(['sh', '-c', `exec 3<&0; (read -r _ <&3 || { ${command}; }) & wait`], {
    // Out of reach of a Ctrl-C or a kill that is meant for our process group.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // It never keeps this process from ending.
  guard.unref();
  return {
    dismiss() {
      guard.stdin.write('dismissed\n');
      void guard.stdin.end();
    },
  };
}
