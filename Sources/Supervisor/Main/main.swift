import Glibc
import SupervisorEdge

exit(Application.main(Array(CommandLine.arguments.dropFirst())))
