// Package pages is what all pages for browsers share: the guard that decides
// which requests are answered, answers in JSON, sheets of pictures, and the
// pages' own files, HTML, CSS and JavaScript modules. The engine serves the
// gallery, the linked plane and the comparison with it; package studyserver
// serves a study.
//
// Unit tests of the modules are in jstest; "node --test jstest/" runs them, and
// so does go test where Node is installed.
package pages
