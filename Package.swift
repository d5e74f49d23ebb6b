// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is compiled with these: warnings are errors, unsafe constructs must be marked, imports are explicit.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// The same for the C that Swift cannot do without.
let strictC: [CSetting] = [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]

/// Packed relocations: a third of the pages that a start otherwise touches (worker: 8.4 MB resident without, 8.0 MB with, after calls).
let packed: [LinkerSetting] = [.unsafeFlags(["-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"])]

/// The C++ library of Swift's run time comes from its archive: a shared one is relocated at every start and is 0.9 MB of a process's
/// resident memory. `-lstdc++` is the tool chain's own flag, so a linker script of that name is found first.
let archives: [LinkerSetting] = [
    .unsafeFlags(["-L\(Context.packageDirectory)/Sources/Shared/Archives", "-Xlinker", "--no-export-dynamic"])
]

/// A target below `Sources/`. A lower layer never names a higher one here, so it cannot import it.
func layer(_ name: String, _ path: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(path)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let package = Package(
    name: "mcp-supervisor",
    products: [
        .library(name: "MCPWire", targets: ["Base", "Wire", "MCP"]),
        .executable(name: "mcp-supervisor", targets: ["mcp-supervisor"]),
        .executable(name: "mcp-worker", targets: ["mcp-worker"]),
        .executable(name: "mcp-sim", targets: ["mcp-sim"]),
    ],
    targets: [
        layer("Base", "Shared/Base"),
        layer("Wire", "Shared/Wire", ["Base"]),
        layer("MCP", "Shared/MCP", ["Base", "Wire"]),
        .target(name: "CLinux", path: "Sources/Shared/CLinux", cSettings: strictC),
        .systemLibrary(name: "COpenSSL", path: "Sources/Shared/COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSQLite", path: "Sources/Shared/CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        layer("Linux", "Shared/Linux", ["Base", "CLinux"]),
        layer("SupervisorCore", "Supervisor/Core", ["Base", "Wire", "MCP"]),
        layer("SupervisorEdge", "Supervisor/Edge", ["Base", "Wire", "MCP", "SupervisorCore", "Linux", "COpenSSL"]),
        .executableTarget(
            name: "mcp-supervisor", dependencies: ["SupervisorEdge"], path: "Sources/Supervisor/Main",
            swiftSettings: strict, linkerSettings: packed + archives),
        layer("WorkerCore", "Worker/Core", ["Base", "Wire", "MCP"]),
        .target(
            name: "WorkerEdge", dependencies: ["Base", "Wire", "MCP", "WorkerCore", "Linux", "CSQLite"],
            path: "Sources/Worker/Edge",
            swiftSettings: strict,
            // The archive, not the shared library: a worker starts faster and shares no engine with the rest of the machine.
            linkerSettings: [.linkedLibrary(":libsqlite3.a")]),
        .executableTarget(
            name: "mcp-worker", dependencies: ["WorkerCore", "WorkerEdge", "Linux"], path: "Sources/Worker/Main",
            swiftSettings: strict, linkerSettings: packed + archives),
        .target(
            name: "Simulation", dependencies: ["Base", "Wire", "SupervisorCore"], path: "Tests/Simulator/Simulation",
            swiftSettings: strict),
        .executableTarget(
            name: "mcp-sim", dependencies: ["Base", "Linux", "Simulation"], path: "Tests/Simulator/Main",
            swiftSettings: strict),
        tests("BaseTests", ["Base"]),
        tests("WireTests", ["Base", "Wire"]),
        tests("MCPTests", ["Base", "Wire", "MCP"]),
        .executableTarget(name: "linux-probe", dependencies: ["CLinux"], path: "Tests/LinuxProbe", cSettings: strictC),
        tests("LinuxTests", ["Base", "Linux", "linux-probe"]),
        tests("SupervisorCoreTests", ["Base", "Wire", "MCP", "SupervisorCore"]),
        tests("SupervisorEdgeTests", ["Base", "Linux", "SupervisorCore", "SupervisorEdge"]),
        tests("SimulationTests", ["Simulation"]),
        tests("WorkerCoreTests", ["Base", "Wire", "MCP", "WorkerCore"]),
        tests("WorkerEdgeTests", ["Base", "Wire", "MCP", "Linux", "WorkerCore", "WorkerEdge", "CSQLite", "mcp-worker"]),
    ]
)
