# title: Menu
# about: Reads a choice in the terminal
PS3="Which one? "
select what in date memory quit; do
  case $what in
    date) date ;;
    memory) head -3 /proc/meminfo ;;
    quit) break ;;
    *) echo "1, 2 or 3" ;;
  esac
done
