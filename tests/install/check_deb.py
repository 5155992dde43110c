#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make deb` makes two packages that hold what they should, and no more; the program works from where it is unpacked.

usage: check_deb.py CPACK CPACK_CONFIG WORKDIR VERSION"""
import gzip
import pathlib
import shutil
import stat
import subprocess
import sys

PROGRAM = {
    "usr/bin/sallyport", "usr/share/man/man1/sallyport.1.gz", "usr/share/bash-completion/completions/sallyport",
    "usr/share/zsh/vendor-completions/_sallyport", "usr/share/fish/vendor_completions.d/sallyport.fish", "usr/share/doc/sallyport/copyright",
}
LIBRARIES_NEEDED = ("libc6", "libssl3", "libsodium23", "libyaml-cpp", "libqrencode")
DEVELOPMENT = ("usr/include/sallyport/authn/gate.h", "usr/lib/cmake/sallyport/sallyport-config.cmake", "usr/lib/pkgconfig/sallyport.pc",
               "usr/lib/libsallyport_credential.a", "usr/bin/protoc-gen-sallyport", "usr/lib/cmake/sallyport/SallyportGenerate.cmake", "usr/share/doc/libsallyport-dev/copyright")
DEVELOPMENT_NEEDED = ("libssl-dev", "libsodium-dev", "libyaml-cpp-dev", "pkg-config")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def unpacked(package, into):
    run("dpkg-deb", "-x", str(package), str(into))
    return {str(file.relative_to(into)) for file in into.rglob("*") if not file.is_dir()}


def check_modes(package, root):
    for line in run("dpkg-deb", "--contents", str(package)).splitlines():
        assert line.split()[1] == "root/root", f"not root's: {line}"
    for file in root.rglob("*"):
        mode = stat.S_IMODE(file.lstat().st_mode)
        expected = 0o755 if file.is_dir() or file.parent.name == "bin" else 0o644
        assert mode == expected, f"{file} has mode {mode:o}, not {expected:o}"


def check_depends(package, wanted):
    depends = run("dpkg-deb", "-f", str(package), "Depends")
    missing = [name for name in wanted if name not in depends]
    assert not missing, f"{package.name} does not depend on {missing}, but on {depends}"


def check_program(package, root, version):
    files = unpacked(package, root)
    units = {file for file in files if file.startswith("usr/lib/systemd/") or file.startswith("lib/systemd/")}
    assert files - units == PROGRAM, f"missing {PROGRAM - files}, unexpected {files - units - PROGRAM}"
    check_modes(package, root)
    check_depends(package, LIBRARIES_NEEDED)
    binary = root / "usr/bin/sallyport"
    assert version in run(str(binary), "version")
    assert "not stripped" not in (run("file", str(binary)) if shutil.which("file") else ""), "the program holds debugging information"
    cookie = run(str(binary), "cookie", "generate").strip()
    assert len(cookie) >= 43
    page = gzip.decompress((root / "usr/share/man/man1/sallyport.1.gz").read_bytes()).decode()
    assert page == run(str(binary), "manual"), "the man page is not this program's"
    for shell, file in (("bash", "bash-completion/completions/sallyport"), ("zsh", "zsh/vendor-completions/_sallyport"), ("fish", "fish/vendor_completions.d/sallyport.fish")):
        assert (root / "usr/share" / file).read_text() == run(str(binary), "completion", shell), f"the {shell} completion is not this program's"
    run("bash", "-n", str(root / "usr/share/bash-completion/completions/sallyport"))
    assert "Apache-2.0" in (root / "usr/share/doc/sallyport/copyright").read_text()


def check_development(package, root):
    files = unpacked(package, root)
    for wanted in DEVELOPMENT:
        assert wanted in files, f"{package.name} lacks {wanted}"
    inner = [file for file in files if "/internal/" in file or "/testing/" in file or (file.startswith("usr/bin/") and file != "usr/bin/protoc-gen-sallyport")]
    assert not inner, f"not for users: {inner}"
    check_modes(package, root)
    check_depends(package, DEVELOPMENT_NEEDED)


def main():
    cpack, config, work, version = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    run(cpack, "--config", config, "-G", "DEB", "-B", str(work))
    packages = {run("dpkg-deb", "-f", str(file), "Package").strip(): file for file in work.glob("*.deb")}
    assert set(packages) == {"sallyport", "libsallyport-dev"}, f"made {sorted(packages)}"
    check_program(packages["sallyport"], work / "program", version)
    check_development(packages["libsallyport-dev"], work / "development")
    print(*(f"{name}: {file.stat().st_size // 1024} KiB" for name, file in packages.items()), sep="\n")


main()
