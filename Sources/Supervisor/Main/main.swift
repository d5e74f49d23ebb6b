import Glibc
import SupervisorCore
import SupervisorEdge

var options = RunOptions()
var rest = CommandLine.arguments.dropFirst(2)
while let argument = rest.popFirst() {
    switch argument {
    case "--listen": options.listen = (options.listen ?? []) + [rest.popFirst() ?? ""]
    case "--config": options.config = rest.popFirst()
    case "--state-dir": options.stateDirectory = rest.popFirst()
    case "--port": options.port = rest.popFirst()
    case "--log-level": options.logLevel = rest.popFirst()
    case "--":
        options.command = Array(rest)
        rest = []
    default: break
    }
}
exit(Application.run(options))
