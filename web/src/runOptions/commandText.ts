/** The text of a command of a language, as a user reads it. */

/** `command` contains the placeholders of languages/*.toml. The first file of the program is its entrypoint. */
export function commandText(command: readonly string[], entrypoint: string): string {
  const stem = entrypoint.replace(/\.[^./]*$/, '')
  return command
    .filter((part) => part !== '{options}')
    .map((part) =>
      part
        .replaceAll('{entrypoint}', entrypoint)
        .replaceAll('{stem}', stem)
        .replace(/^\{sources\}$/, entrypoint),
    )
    .join(' ')
}
