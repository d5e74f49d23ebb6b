import Simulation

var first = UInt64(CommandLine.arguments.dropFirst().first ?? "1") ?? 1
let count = CommandLine.arguments.count > 2 ? UInt64(CommandLine.arguments[2]) ?? 1 : 1
var total = Statistics()
for seed in first..<(first + count) {
let report = Simulation.run(seed: seed, listener: CommandLine.arguments.count > 3 ? { print($0) } : nil)
total.add(report.statistics)
if let v = report.violation { print(seed, v.checker, v.text.prefix(400)) }
}
print(total)
