// title: Ticks
// about: Prints output over time
const frames = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇']
let count = 0
const timer = setInterval(() => {
  process.stdout.write(`\r\x1b[36m${frames[count % frames.length]}\x1b[0m ${count}`)
  if (++count > 40) {
    clearInterval(timer)
    console.log('\ndone')
  }
}, 80)
