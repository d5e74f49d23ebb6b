import Base
import Glibc
import Linux
import Testing

@testable import SupervisorCore
@testable import SupervisorEdge

/// A directory of one test, removed with it.
final class Scratch {
    let path: String

    init() throws {
        self.path = "/tmp/supervisor-edge-tests-\(try Entropy.seed())"
        try Files.makeDirectories(self.path)
    }

    deinit {
        // Bound: the few files that a test made, at most one directory deep.
        let null = try? Files.null()
        guard let null else { return }
        let child = try? Spawn(
            program: Array("/bin/rm".utf8), arguments: [Array("-rf".utf8), Array(self.path.utf8)],
            descriptors: [null.descriptor, null.descriptor, null.descriptor]
        ).start()
        _ = try? child?.pidFD.reap(within: .seconds(10))
        child?.pidFD.close()
    }
}

@Suite struct SampleDatabaseTests {
    private static func prepare(_ directories: [String], worker: String) throws(Startup.Failure) -> String {
        try SampleDatabase.prepare(Self.configuration(directories), worker: Array(worker.utf8))
    }

    /// The two places that are tried without options.
    private static func configuration(_ directories: [String]) -> Configuration {
        var input = ConfigurationLoader.Input()
        input.environment = [EnvironmentVariable(name: "STATE_DIRECTORY", value: directories[0])]
        guard let configuration = ConfigurationLoader.load(input).configuration else { preconditionFailure("not accepted") }
        return configuration
    }

    @Test func `a sample that is there is taken`() throws {
        let scratch = try Scratch()
        try Files.writeAtomically("\(scratch.path)/sample.db", [1, 2, 3].span)
        #expect(try Self.prepare([scratch.path], worker: "/bin/false") == "\(scratch.path)/sample.db")
    }

    @Test func `why no directory can be used is told truthfully`() throws {
        let scratch = try Scratch()
        let file = "\(scratch.path)/file"
        try Files.writeAtomically(file, [1].span)
        do {
            _ = try Self.prepare([file], worker: "/bin/true")
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.text.contains("\(file): Not a directory (ENOTDIR)"))
        }
    }

    @Test func `a worker that fails is told with how it ended`() throws {
        let scratch = try Scratch()
        do {
            _ = try Self.prepare([scratch.path], worker: "/bin/false")
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.text.contains("mcp-worker sample ended with exit code 1"))
        }
    }
}

@Suite struct RuntimeDirectoryTests {
    private static func directories(_ path: String, isNamed: Bool) -> Directories {
        Directories(runtime: [path], isRuntimeNamed: isNamed, state: [])
    }

    @Test func `a second supervisor with the same named directory is refused with the first one's number`() throws {
        let scratch = try Scratch()
        let first = try RuntimeDirectory.lock(Self.directories("\(scratch.path)/run", isNamed: true))
        do {
            _ = try RuntimeDirectory.lock(Self.directories("\(scratch.path)/run", isNamed: true))
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.text.contains("process \(Processes.current)"))
        }
        guard case .some = first else { throw SystemError(.invalid, "flock") }
    }

    @Test func `a directory that nobody named is left alone`() throws {
        guard case .none = try RuntimeDirectory.lock(Self.directories("/nonexistent/run", isNamed: false)) else {
            throw SystemError(.exists, "flock")
        }
    }
}

@Suite struct ReapTests {
    @Test func `waiting for a process ends with it or with the time`() throws {
        let null = try Files.null()
        let child = try Spawn(
            program: Array("/bin/sleep".utf8), arguments: [Array("1000".utf8)],
            descriptors: [null.descriptor, null.descriptor, null.descriptor]
        ).start()
        #expect(try child.pidFD.reap(within: .milliseconds(20)) == nil)
        try child.pidFD.send(.kill)
        #expect(try child.pidFD.reap(within: .seconds(10)) == .killed(.kill, dumpedCore: false))
        child.pidFD.close()
    }
}
