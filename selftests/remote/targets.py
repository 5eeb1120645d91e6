# SPDX-License-Identifier: GPL-2.0-or-later
"""Renaming to a name that the client has not looked up: what stands there, nobody here
knows."""
import errno
import json
import os


def error_of(function, *args):
    try:
        function(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "done"


def tree_of(lowers, top):
    """{name: contents, or "dir"} of what is stored."""
    tree = {}
    for place, dirs, files in os.walk(top):
        tree.update({os.path.relpath(os.path.join(place, d), top): "dir" for d in dirs})
        for name in files:
            tree[os.path.relpath(os.path.join(place, name), top)] = \
                lowers.read(os.path.join(place, name))
    return tree


def make_targets(lowers, stored):
    """What is there: files of this user, of another and of one whom the map lacks, a
    directory, a full one, a second name of the source."""
    for name, uid in ("own", 1000), ("other", 2000), ("unmapped", 70000):
        lowers.write(f"{stored}/{name}", name)
        os.chown(f"{stored}/{name}", uid, uid)
    for name in "dir", "full/file":
        os.makedirs(f"{stored}/{name}")
        for path, _, _ in os.walk(f"{stored}/{name.split('/', maxsplit=1)[0]}"):
            os.chown(path, 1000, 1000)


def rename_to_each(lowers, place, into):
    """Errors of renaming a file and a directory to each name, as JSON."""
    said = {}
    for what, make in ("file", lambda p: lowers.write(p, "new")), ("tree", os.mkdir):
        for name in "own", "other", "unmapped", "dir", "full", "none":
            source = f"{place}/{what}-{name}"
            make(source)
            said[f"{what}, {name}"] = error_of(os.rename, source, f"{place}/{name}")
            lowers.check(said[f"{what}, {name}"] == "done" or os.path.exists(source),
                         f"{source} is gone")
    lowers.write(f"{place}/first", "twice")
    os.link(f"{place}/first", f"{place}/second")
    said["itself"] = error_of(os.rename, f"{place}/first", f"{place}/second")
    said["seen"] = tree_of(lowers, place)
    os.write(into, json.dumps(said).encode())


def replaced(lowers, make_dir, perm=0o755, uid=1000):
    """As natively: the server decides. {what: error}, the tree that is stored."""
    results = []
    for top in lowers.low, lowers.up:
        caller = lowers.seen(1000) if top == lowers.up else 1000
        stored, *tops = make_dir(f"target-{caller}", perm, uid)
        place = tops[top == lowers.up]
        make_targets(lowers, stored)
        out, into = os.pipe()
        lowers.as_user(caller, caller,
                       lambda place=place, into=into: rename_to_each(lowers, place, into))
        said = json.loads(os.read(out, 65536))
        os.close(out)
        os.close(into)
        tree = tree_of(lowers, stored)
        lowers.equal(tree, said.pop("seen"), f"what is seen below {place}")
        results.append((said, tree))
        lowers.sh(f"rm -r {stored}")
    return results


def in_an_own_directory(lowers, make_dir):
    native, shifted = replaced(lowers, make_dir)
    lowers.equal(native, shifted, "errors, and what is stored")
    for name in "own", "other":
        lowers.equal("done", shifted[0][f"file, {name}"], f"a file over {name}")
    lowers.equal("EISDIR", shifted[0]["file, dir"], "a file over a directory")


def in_a_sticky_directory(lowers, make_dir):
    """The server would let the mounter replace everything."""
    (native, stored), (shifted, tree) = replaced(lowers, make_dir, 0o1777, 0)
    # natively the owner counts, here the map lacks him
    lowers.equal("EPERM", native["file, unmapped"], "natively over another's file")
    for key in "file, unmapped", "tree, unmapped":
        lowers.equal("EOVERFLOW", shifted.pop(key), key)
        native.pop(key)
    lowers.equal(native, shifted, "errors")
    lowers.equal("EPERM", shifted["file, other"], "a file over another's")
    lowers.equal(stored, tree, "what is stored")
    for name in "other", "unmapped":
        lowers.equal(name, tree[name], "what is stored")


TESTS = {"what is replaced unseen": in_an_own_directory,
         "what is replaced unseen in a sticky directory": in_a_sticky_directory}
