import Simulation

let report = Simulation.run(seed: UInt64(CommandLine.arguments.dropFirst().first ?? "1") ?? 1, listener: CommandLine.arguments.count > 2 ? { print($0) } : nil)
print(report.seed, report.hash, report.statistics)
if let v = report.violation { print(v) }
