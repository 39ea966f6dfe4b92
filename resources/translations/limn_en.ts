<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>limn::ExportDialog</name>
    <message numerus="yes">
        <source>%n images</source>
        <translation>
            <numerusform>%n image</numerusform>
            <numerusform>%n images</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n files</source>
        <translation>
            <numerusform>%n file</numerusform>
            <numerusform>%n files</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n annotations were written.</source>
        <translation>
            <numerusform>%n annotation was written.</numerusform>
            <numerusform>%n annotations were written.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images have no annotation.</source>
        <translation>
            <numerusform>%n image has no annotation.</numerusform>
            <numerusform>%n images have no annotation.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::MainWindow</name>
    <message numerus="yes">
        <source>Export %n</source>
        <translation>
            <numerusform>Export %n</numerusform>
            <numerusform>Export %n</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n files could not be used.</source>
        <translation>
            <numerusform>%n file could not be used.</numerusform>
            <numerusform>%n files could not be used.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Add %n images</source>
        <translation>
            <numerusform>Add %n image</numerusform>
            <numerusform>Add %n images</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Drop to add %n images</source>
        <translation>
            <numerusform>Drop to add %n image</numerusform>
            <numerusform>Drop to add %n images</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n dropped: add to this project, or open as a new one?</source>
        <translation>
            <numerusform>%n dropped: add to this project, or open as a new one?</numerusform>
            <numerusform>%n dropped: add to this project, or open as a new one?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::WorklistPane</name>
    <message numerus="yes">
        <source>%n listed</source>
        <translation>
            <numerusform>%n listed</numerusform>
            <numerusform>%n listed</numerusform>
        </translation>
    </message>
</context>
</TS>
