/** A message at the top of the page, such as the result of an action. */
export interface Notice {
  text: string
  isError: boolean
  actions?: { text: string; run(): void }[]
}
