/** A message about the result of an action. */
export interface Notice {
  text: string
  isError: boolean
}
